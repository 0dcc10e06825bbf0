import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { UserError } from "../user-error.ts";

const state = await mkdtemp(join(tmpdir(), "passphrase-"));
vi.stubEnv("XDG_STATE_HOME", state);
const { readPassphrase } = await import("./passphrase.ts");
const file = join(state, "image-classification-platform", "passphrase");

afterEach(() => rm(dirname(file), { recursive: true, force: true }));
afterAll(() => rm(state, { recursive: true }));

describe("readPassphrase", () => {
  it("makes one up once, and leaves nothing else behind", async () => {
    const passphrase = await readPassphrase({});
    expect(passphrase).toHaveLength(32);
    expect(await readPassphrase({})).toBe(passphrase);
    expect(await readFile(file, "utf8")).toBe(`${passphrase}\n`);
    expect(await readdir(dirname(file))).toEqual(["passphrase"]);
  });

  // Windows keeps no such modes.
  it.skipIf(process.platform === "win32")("makes it for its owner alone", async () => {
    await readPassphrase({});
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it("gives all that come at once the same", async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => readPassphrase({})));
    expect(new Set(all).size).toBe(1);
    expect(all[0]).toHaveLength(32);
    expect(await readdir(dirname(file))).toEqual(["passphrase"]);
  });

  it.each(["", "\n"])("refuses a file that lost its content (%j), naming it", async (content) => {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    const read = readPassphrase({});
    await expect(read).rejects.toThrow(UserError);
    await expect(read).rejects.toThrow(`${file} is empty; `);
    await expect(read).rejects.toThrow("PULUMI_CONFIG_PASSPHRASE");
  });

  it("takes the user's own, also an empty one", async () => {
    const own = join(state, "own");
    await writeFile(own, "of mine\n");
    expect(await readPassphrase({ PULUMI_CONFIG_PASSPHRASE_FILE: own })).toBe("of mine");
    expect(await readPassphrase({ PULUMI_CONFIG_PASSPHRASE: "" })).toBe("");
  });
});
