import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { publishModel } from "../../model/store.ts";
import { useModelStore } from "../fixtures/model-store.ts";
import { stubModel } from "../fixtures/models.ts";
import { runProgram, type ServiceProcess } from "../fixtures/service-process.ts";

const store = useModelStore();

describe("the smoke test", () => {
  const smoke = (service: ServiceProcess, model = store.directory, timeout = "5") =>
    runProgram("smoke-test.ts", ["--url", service.url, "--model", model, "--timeout", timeout]);

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
