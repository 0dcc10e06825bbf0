import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import { hashKey } from "../../service/access/api-keys.ts";
import { useModelStore } from "../fixtures/model-store.ts";
import { colourImage, stubModel } from "../fixtures/models.ts";
import type { ServiceProcess } from "../fixtures/service-process.ts";

const EXAMPLES = resolve(import.meta.dirname, "../../examples");
const KEY = "icp_example";
const store = useModelStore();
let red: string;
let blue: string;
let text: string;

/** Runs a program to its end. */
const run = async (command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
  const program = promisify(execFile)(command, [...args], { env: { ...process.env, ...env } });
  const {
    code = 0,
    stdout,
    stderr,
  } = await program.then(
    (ended) => ({ ...ended, code: 0 }),
    (error: { readonly code: number; readonly stdout: string; readonly stderr: string }) => error,
  );
  return { code, stdout, stderr };
};
const has = async (command: string): Promise<boolean> =>
  (await run(command, ["--version"])).code === 0;
const without = async (command: string): Promise<string> =>
  (await has(command)) ? "" : ` (skipped: ${command} is absent)`;
const [noCurl, noPython] = [await without("curl"), await without("python3")];

/** A service that asks for keys. */
const start = async (env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> => {
  const keys = join(store.directory, "keys.json");
  const key = { name: "example", scope: "predict", sha256: hashKey(KEY) };
  await writeFile(keys, JSON.stringify({ keys: [key] }));
  const service = await store.start({ env: { API_KEYS_FILE: keys, ...env } });
  await service.serving();
  return service;
};

beforeEach(async () => {
  await store.publish(await stubModel());
  red = join(store.directory, "red.jpg");
  blue = join(store.directory, "blue.jpg");
  text = join(store.directory, "text.jpg");
  await writeFile(red, await colourImage("red"));
  await writeFile(blue, await colourImage("blue"));
  await writeFile(text, "no image");
});

const CLIENTS = [
  ["demo-client.ts", process.execPath, ""],
  ["demo_client.py", "python3", noPython],
] as const;

for (const [file, command, skipped] of CLIENTS) {
  describe.skipIf(skipped)(`${file}${skipped}`, () => {
    const ask = (service: ServiceProcess, photos: readonly string[], key = KEY) =>
      run(command, [join(EXAMPLES, file), ...photos, "--url", service.url, "--timeout", "60"], {
        API_KEY: key,
      });

    it("prints a label for each photo, and what is wrong with one that has none", async () => {
      const service = await start();
      const good = await ask(service, [red, blue]);
      expect(good).toMatchObject({ code: 0, stdout: `${red}: cat 0.9996\n${blue}: dog 0.9996\n` });
      const mixed = await ask(service, [text, blue]);
      expect(mixed).toMatchObject({ code: 1, stdout: `${blue}: dog 0.9996\n` });
      expect(mixed.stderr).toMatch(
        /text\.jpg: Unsupported media type: .*\(request [0-9a-f-]{36}\)/,
      );
      const stranger = await ask(service, [red], "");
      expect(stranger).toMatchObject({ code: 1, stdout: "" });
      expect(stranger.stderr).toContain("Unauthorized: This path needs a key");
      expect(service.logs.some((line) => line["key"] === "example")).toBe(true);
      expect(JSON.stringify(service.logs)).not.toContain(KEY);
    });

    it("comes back when the service says so", async () => {
      // So slow that the second photo comes too early, however long the first one takes.
      const service = await start({ RATE_LIMIT: "0.1", RATE_BURST: "1" });
      expect(await ask(service, [red, blue])).toMatchObject({
        code: 0,
        stdout: `${red}: cat 0.9996\n${blue}: dog 0.9996\n`,
      });
      expect(service.logs.some((line) => line["status"] === 429)).toBe(true);
    });
  });
}

describe.skipIf(noCurl)(`curl.sh${noCurl}`, () => {
  it("prints the service's health, and a prediction for each way to ask", async () => {
    const service = await start();
    const env = { API_KEY: KEY };
    const { code, stdout } = await run(join(EXAMPLES, "curl.sh"), [red, service.url], env);
    const [health, ...predictions] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(code).toBe(0);
    expect(health).toMatchObject({ status: "ok", model: { name: "cats-dogs" } });
    expect(predictions).toMatchObject([{ label: "cat" }, { label: "cat" }]);
    const stranger = await run(join(EXAMPLES, "curl.sh"), [red, service.url]);
    expect(stranger.code).not.toBe(0);
    expect(stranger.stdout).toContain("urn:image-classification:problem:unauthorized");
  });
});

describe("edge-run.ts", () => {
  const edge = (args: readonly string[]) =>
    run(process.execPath, [join(EXAMPLES, "edge-run.ts"), ...args]);

  it("answers without a service what the service answers, and names what is no image", async () => {
    const { code, stdout, stderr } = await edge([red, text, blue, "--model", store.directory]);
    expect(stdout).toBe(`${red}: cat 0.9996\n${blue}: dog 0.9996\n`);
    expect(stderr).toMatch(/text\.jpg: .*JPEG/);
    expect(code).toBe(1);
  });

  it("refuses a precision that it does not know, in one line", async () => {
    const { code, stdout, stderr } = await edge([red, "--precision", "fp16"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe("--precision fp16 is not known; take fp32 or int8.\n");
  });

  it("refuses a model that is not the one its metadata names", async () => {
    const { digest } = await stubModel();
    const home = join(store.directory, "models", digest.slice("sha256:".length));
    await writeFile(join(home, "model.onnx"), "another");
    const { code, stderr } = await edge([red, "--model", store.directory]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^.* but sha256:.* is declared; .*\n$/);
  });
});
