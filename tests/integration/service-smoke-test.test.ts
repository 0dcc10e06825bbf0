import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { publishModel } from "../../model/store.ts";
import { serveDuringTest } from "../../training/testing/http-server.ts";
import { useModelStore } from "../fixtures/model-store.ts";
import { stubModel, type TestModel, withInt8 } from "../fixtures/models.ts";
import { runProgram, type ServiceProcess } from "../fixtures/service-process.ts";

const store = useModelStore();

describe("the smoke test", () => {
  const smoke = (
    { url }: Pick<ServiceProcess, "url">,
    model = store.directory,
    timeout = "60",
    more: readonly string[] = [],
  ) => runProgram("smoke-test.ts", ["--url", url, "--model", model, "--timeout", timeout, ...more]);

  it("passes when every golden image gets its label from the store's model", async () => {
    const model = await stubModel();
    const service = await store.start();
    const early = smoke(service, store.directory);
    expect((await early).errors).toMatch(/^smoke test failed: .* is missing; [^\n]*\n$/);
    await store.publish(model);
    const { code, output, errors } = await smoke(service);
    expect(errors).toBe("");
    expect(code).toBe(0);
    expect(output).toContain("ok golden/red.jpg is a cat (0.9");
    expect(output).toContain(`passed: 2 images, model ${model.digest}`);
  });

  it("asks for what the service was told to serve, whatever is the model's default", async () => {
    const floats = await stubModel(2);
    await store.publish(withInt8(floats, await stubModel(5)));
    const service = await store.start({ env: { PRECISION: "fp32" } });
    const { code, output, errors } = await smoke(service, store.directory, "60", [
      "--precision",
      "fp32",
    ]);
    expect(errors).toBe("");
    expect(code).toBe(0);
    expect(output).toContain(`passed: 2 images, model ${floats.digest}`);
  });

  it.each([
    ["label", { label: "cat", probability: 1 }, /golden\/blue.jpg: dog, expected cat/],
    ["probability", { label: "dog", probability: 0.9 }, /probability 0.99\d*, expected 0.9 ± 0.05/],
  ])("fails on another %s", async (_, expectation, message) => {
    const model = await stubModel();
    await store.publish(model);
    const service = await store.start();
    await service.serving();
    const golden = [{ file: "golden/blue.jpg", ...expectation }];
    const files = { ...model.files, "model.json": JSON.stringify({ ...model.metadata, golden }) };
    const elsewhere = await mkdtemp(join(tmpdir(), "elsewhere-"));
    await publishModel(elsewhere, files, model.digest);
    const { code, errors } = await smoke(service, elsewhere);
    await rm(elsewhere, { recursive: true });
    expect(code).toBe(1);
    expect(errors).toMatch(message);
    expect(errors.trim().split("\n")).toHaveLength(1);
  });

  it("waits as long as the service says where its rate limit is narrower than the test", async () => {
    await store.publish(await stubModel());
    const service = await store.start({ env: { RATE_LIMIT: "1", RATE_BURST: "1" } });
    const { code, output, errors } = await smoke(service);
    expect(errors).toBe("");
    expect(code).toBe(0);
    expect(output).toContain("passed: 2 images");
  });

  /** A service that is ready with this model and gives these statuses to pictures before it answers them. */
  const refusing = async ({ digest, metadata }: TestModel, first: readonly number[]) => {
    let asked = 0;
    const base = await serveDuringTest((request, response) => {
      request.resume().on("end", () => {
        if (request.url !== "/predict") {
          response.end(JSON.stringify({ status: "ok", model: { digest } }));
          return;
        }
        const status = first[asked];
        const { label = "" } = metadata.golden[asked - first.length] ?? {};
        asked += 1;
        const prediction = { label, probability: 1, probabilities: { [label]: 1 } };
        if (status === undefined)
          response.end(JSON.stringify({ ...prediction, model: { digest } }));
        else response.writeHead(status).end(`because of ${status}`);
      });
    });
    return { base, asked: () => asked };
  };

  it("asks again where a service that starts or drains names no time", async () => {
    const model = await stubModel();
    await store.publish(model);
    const { base, asked } = await refusing(model, [503]);
    const { code, errors } = await smoke({ url: base.href });
    expect(errors).toBe("");
    expect(code).toBe(0);
    expect(asked()).toBe(3);
  });

  it.each([
    [
      "stays busy",
      429,
      /did not answer all pictures within 2 s \(last: HTTP 429 because of 429\); /,
    ],
    ["fails", 500, /golden\/red\.jpg: HTTP 500 because of 500; the service answers wrongly\.$/],
  ])("fails in one line when the service %s", async (_, status, message) => {
    const model = await stubModel();
    await store.publish(model);
    const { base } = await refusing(model, Array(20).fill(status));
    const { code, errors } = await smoke({ url: base.href }, store.directory, "2");
    expect(code).toBe(1);
    expect(errors.trim()).toMatch(message);
    expect(errors.trim().split("\n")).toHaveLength(1);
  });

  it("fails when another model serves than the store's", async () => {
    await store.publish(await stubModel());
    const service = await store.start();
    const elsewhere = await mkdtemp(join(tmpdir(), "elsewhere-"));
    const other = await stubModel(7);
    await publishModel(elsewhere, other.files, other.digest);
    const { code, errors } = await smoke(service, elsewhere, "1");
    await rm(elsewhere, { recursive: true });
    expect(code).toBe(1);
    expect(errors).toMatch(/did not serve sha256:[0-9a-f]{64} within 1 s/);
  });
});
