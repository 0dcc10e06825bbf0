import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { useModelStore } from "../fixtures/model-store.ts";
import { colourImage, stubModel } from "../fixtures/models.ts";
import { runProgram, type ServiceProcess } from "../fixtures/service-process.ts";
import { statusOf } from "../fixtures/service-requests.ts";

const store = useModelStore();
const makeKey = (file: string, ...flags: readonly string[]) =>
  runProgram("access/make-key.ts", ["--file", file, ...flags]);
const predict = async (service: ServiceProcess, key?: string) =>
  fetch(`${service.url}/predict`, {
    method: "POST",
    body: new Uint8Array(await colourImage("red")),
    headers: { "content-type": "image/jpeg", ...(key && { authorization: `Bearer ${key}` }) },
  });

it("takes the keys that the command makes, proves its model without one, and forgets no hash", async () => {
  const file = join(store.directory, "keys.json");
  const [first, second] = [
    await makeKey(file, "--name", "shop"),
    await makeKey(file, "--name", "deployer", "--scope", "admin"),
  ];
  const keys = [first.output.trim(), second.output.trim()];
  for (const key of keys) expect(key).toMatch(/^icp_[\w-]{43}$/);
  const content = await readFile(file, "utf8");
  expect(JSON.parse(content).keys).toMatchObject([
    { name: "shop", scope: "predict" },
    { name: "deployer", scope: "admin" },
  ]);
  for (const key of keys) expect(content + first.errors + second.errors).not.toContain(key);

  await store.publish(await stubModel());
  const service = await store.start({ env: { API_KEYS_FILE: file } });
  await service.serving();
  expect((await predict(service)).status).toBe(401);
  for (const key of keys) expect((await predict(service, key)).status).toBe(200);
  expect(await statusOf(service, "/readyz")).toBe(200);
  expect(await statusOf(service, "/metrics")).toBe(200);
});

it("makes no key that nobody could use, and leaves the file as it was", async () => {
  const file = join(store.directory, "keys.json");
  expect(await makeKey(file, "--name", "no such name")).toMatchObject({ code: 1, output: "" });
  expect((await makeKey(file, "--name", "x", "--scope", "root")).code).toBe(1);
  await writeFile(file, "{}");
  const broken = await makeKey(file, "--name", "shop");
  expect(broken).toMatchObject({ code: 1, output: "" });
  expect(broken.errors).toMatch(/^API_KEYS_FILE=.* is not usable: keys: .*\n$/);
  expect(await readFile(file, "utf8")).toBe("{}");
});

it("does not start with keys that it cannot read", async () => {
  const env = { API_KEYS_FILE: join(store.directory, "absent.json") };
  await expect(store.start({ env })).rejects.toThrow(/ended with 1/);
});
