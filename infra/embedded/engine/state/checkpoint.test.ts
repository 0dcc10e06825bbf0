import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { secret } from "../property-values.ts";
import {
  backUpCheckpoint,
  checkpointPath,
  decryptSnapshot,
  prepareBackend,
  readCheckpoint,
  type Snapshot,
  type StackReference,
  writeCheckpoint,
} from "./checkpoint.ts";
import { createSecretsManager, openSecretsManager } from "./secrets.ts";

let reference: StackReference;
beforeEach(async () => {
  const backendDirectory = await mkdtemp(join(tmpdir(), "checkpoint-"));
  reference = { backendDirectory, project: "cats", stack: "dev" };
  await prepareBackend(reference);
});
afterEach(() => rm(reference.backendDirectory, { recursive: true, force: true }));

const snapshot: Snapshot = {
  resources: [
    {
      urn: "urn:pulumi:dev::cats::k:v1:Secret::login",
      custom: true,
      id: "space/login",
      type: "k:v1:Secret",
      inputs: { data: secret({ password: "s3cr3t" }), list: [secret("t0k3n"), "open"] },
      outputs: { nothing: secret(null) },
    },
  ],
  pendingOperations: [
    {
      type: "creating",
      resource: { urn: "u", custom: true, type: "t", inputs: { key: secret("p3nd1ng") } },
    },
  ],
};

describe("checkpoint", () => {
  it("is read back as it was written, and holds no secret in clear", async () => {
    const secrets = await createSecretsManager("passphrase");
    await writeCheckpoint(reference, snapshot, secrets);
    const text = await readFile(checkpointPath(reference), "utf8");
    for (const hidden of ["s3cr3t", "t0k3n", "p3nd1ng"]) expect(text).not.toContain(hidden);
    const stored = await readCheckpoint(reference);
    const again = await openSecretsManager("passphrase", stored?.salt ?? "");
    expect(decryptSnapshot(stored?.snapshot ?? snapshot, again)).toEqual(snapshot);
  });

  it("has the layout of Pulumi's file backend", async () => {
    const secrets = await createSecretsManager("passphrase");
    await writeCheckpoint(reference, snapshot, secrets);
    const path = join(reference.backendDirectory, ".pulumi", "stacks", "cats", "dev.json");
    const { version, checkpoint } = JSON.parse(await readFile(path, "utf8"));
    expect(version).toBe(3);
    expect(checkpoint.stack).toBe("organization/cats/dev");
    expect(checkpoint.latest.secrets_providers).toEqual({
      type: "passphrase",
      state: { salt: secrets.salt },
    });
    expect(checkpoint.latest.resources[0].inputs.data).toEqual({
      "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
      ciphertext: expect.stringMatching(/^v1:/),
    });
    const sealed = checkpoint.latest.resources[0].inputs.data.ciphertext;
    expect(JSON.parse(secrets.decrypt(sealed))).toEqual({ password: "s3cr3t" });
    const meta = join(reference.backendDirectory, ".pulumi", "meta.yaml");
    expect(await readFile(meta, "utf8")).toBe("version: 1\n");
    expect((await stat(path)).mode & 0o077).toBe(0);
  });

  it("keeps the one of before as a backup", async () => {
    const secrets = await createSecretsManager("passphrase");
    await backUpCheckpoint(reference);
    await writeCheckpoint(reference, snapshot, secrets);
    const before = await readFile(checkpointPath(reference), "utf8");
    await backUpCheckpoint(reference);
    await writeCheckpoint(reference, { resources: [], pendingOperations: [] }, secrets);
    expect(await readFile(`${checkpointPath(reference)}.bak`, "utf8")).toBe(before);
  });

  it("carries fields along that only the Pulumi CLI knows", async () => {
    const secrets = await createSecretsManager("passphrase");
    const foreign = { ...snapshot.resources[0], sourcePosition: "project:///index.ts#1,2" };
    const with1 = { resources: [foreign], pendingOperations: [] } as unknown as Snapshot;
    await writeCheckpoint(reference, with1, secrets);
    const stored = await readCheckpoint(reference);
    expect(stored?.snapshot.resources[0]).toHaveProperty("sourcePosition");
  });

  it("is undefined for a new stack, and an error when it is broken", async () => {
    await expect(readCheckpoint(reference)).resolves.toBeUndefined();
    await writeFile(checkpointPath(reference), '{"version": 3, "checkp');
    await expect(readCheckpoint(reference)).rejects.toThrow(/restore .*\.bak/);
  });
});
