import { readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleService } from "../../service/bundle.ts";
import { useModelStore } from "../fixtures/model-store.ts";
import { colourImage, stubModel } from "../fixtures/models.ts";
import { runProgram } from "../fixtures/service-process.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** Below the packages that a bundle leaves out. */
const BUNDLE = join(ROOT, "artifacts", `bundle-${process.pid}`);
const ENVIRONMENT = { PROCESS_CONFIG: join(ROOT, "configs"), DEADLINE: "60" };

const store = useModelStore();

beforeAll(() => bundleService(BUNDLE));
afterAll(() => rm(BUNDLE, { recursive: true }));

/** What the image runs is not the sources that every other test runs. */
describe("the bundle", () => {
  it("answers what each of its threads and its later loaded parts is for", async () => {
    await store.publish(await stubModel());
    const service = await store.start({ program: join(BUNDLE, "main.cjs"), env: ENVIRONMENT });
    await service.serving();
    const photo = new Uint8Array(await colourImage("red"));
    const send = (path: string) =>
      fetch(`${service.url}${path}`, {
        method: "POST",
        body: photo,
        headers: { "content-type": "image/jpeg" },
      });
    const get = async (path: string, accept = "*/*"): Promise<string> =>
      (await fetch(`${service.url}${path}`, { headers: { accept } })).text();

    expect(await (await send("/predict")).json()).toMatchObject({ label: "cat" });
    expect(await (await send("/process?steps=qa")).json()).toMatchObject({ status: "ok" });
    expect(await get("/page/main.js")).toBe(
      await readFile(join(ROOT, "service/page/client/main.js"), "utf8"),
    );
    expect(await get("/", "text/html")).toContain("/page/main.js");
    expect(JSON.parse(await get("/openapi.json"))).toMatchObject({ openapi: "3.1.0" });
    expect(await get("/docs")).toContain("/predict");
    expect(await get("/status")).toContain("<html");

    const smoke = await runProgram(join(BUNDLE, "smoke-test.cjs"), [
      ...["--url", service.url, "--model", store.directory],
    ]);
    expect(smoke).toMatchObject({ code: 0, errors: "" });
    expect(await service.stop()).toBe(0);
  });
});
