import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { objectsOf, podTemplates } from "./testing/pod-security.ts";
import { type Recording, recordPlatform } from "./testing/record-program.ts";

const THEIRS = { name: "shop", scope: "predict", sha256: "a".repeat(64) };
const OWN_KEY = {
  name: "API_KEY",
  valueFrom: { secretKeyRef: { name: "platform-api-key", key: "key" } },
};

let directory: string;
let keys: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "api-keys-"));
  keys = join(directory, "api-keys.json");
  await writeFile(keys, JSON.stringify({ keys: [THEIRS] }));
});
afterAll(() => rm(directory, { recursive: true }));

const record = (access: object, more: object = {}) =>
  recordPlatform({ training: { source: "sample" }, service: { access }, ...more });

/** What a Secret holds; the SDK marks all of it as secret. */
const contentOf = (recording: Recording, name: string): Record<string, string> => {
  const { inputs } = objectsOf(recording, "core/v1:Secret").find(
    (each) => each.inputs.metadata.name === name,
  ) ?? { inputs: {} };
  const { stringData } = inputs;
  expect(stringData.value, "marked as secret").toBeDefined();
  return stringData.value;
};

describe("ApiKeys", () => {
  let recording: Recording;
  beforeAll(async () => {
    recording = await record({ keys });
  });
  const container = (name: string) => podTemplates(recording)[name].spec.containers[0];

  it("gives the service the user's hashes and that of a key of its own", () => {
    const own = contentOf(recording, "platform-api-key")["key"] ?? "";
    expect(own).toMatch(/^icp_[0-9a-f]+$/);
    const file = contentOf(recording, "api-keys")["api-keys.json"] ?? "";
    const sha256 = createHash("sha256").update(own).digest("hex");
    expect(JSON.parse(file)).toEqual({
      keys: [THEIRS, { name: "platform", scope: "predict", sha256 }],
    });
    expect(container("api").env).toContainEqual({
      name: "API_KEYS_FILE",
      value: "/api-keys/api-keys.json",
    });
    expect(container("api").volumeMounts).toContainEqual({
      name: "api-keys",
      mountPath: "/api-keys",
      readOnly: true,
    });
  });

  it("gives the key itself to what asks the service, and to nothing else", () => {
    const holders = Object.entries(podTemplates(recording))
      .filter(([, { spec }]) => JSON.stringify(spec).includes("platform-api-key"))
      .map(([name]) => name);
    expect(holders.sort()).toEqual(["evaluation", "smoke-test"]);
    expect(container("smoke-test").env).toEqual([OWN_KEY]);
    expect(container("evaluation").env).toContainEqual(OWN_KEY);
  });

  it("shows the key nowhere in clear", () => {
    const own = contentOf(recording, "platform-api-key")["key"] ?? "";
    const others = recording.resources.filter(({ name }) => name !== "api-keys-platform");
    expect(JSON.stringify(others)).not.toContain(own);
  });

  it("stays with this program where Argo CD deploys the service", async () => {
    const underGit = await record({ keys }, { gitops: { enabled: true } });
    expect(contentOf(underGit, "api-keys")).toHaveProperty(["api-keys.json"]);
    const application = underGit.resources.find(({ name }) => name === "gitops-project");
    expect(JSON.stringify(application?.inputs.spec.namespaceResourceWhitelist)).not.toContain(
      "Secret",
    );
  });

  it("is off by default, and leaves no trace then", async () => {
    const without = await record({});
    expect(objectsOf(without, "core/v1:Secret")).toEqual([]);
    for (const { spec } of Object.values(podTemplates(without))) {
      expect(JSON.stringify(spec)).not.toMatch(/API_KEY|api-key/);
    }
  });

  it.each([
    ["that is not there", undefined, "is not there"],
    ["that is no JSON", "shop icp_secret", "is no file of keys"],
    ["of another shape", '{"keys":[{"name":"shop","key":"icp_secret"}]}', "is no file of keys"],
  ])("stops with one clear line at a file %s, and quotes nothing of it", async (_, text, why) => {
    const file = join(directory, "other.json");
    if (text !== undefined) await writeFile(file, text);
    const failure = record({ keys: file });
    await expect(failure).rejects.toThrow(
      `service.access.keys: ${file} ${why}; make one with \`npm run -s api-key -- --name <whose> --file ${file}\`.`,
    );
    await expect(failure).rejects.not.toThrow(/icp_secret/);
  });
});
