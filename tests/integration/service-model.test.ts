import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { modelDirectory, publishModel, writeModel } from "../../model/store.ts";
import { backboneModel } from "../fixtures/backbone-model.ts";
import { useModelStore } from "../fixtures/model-store.ts";
import { colourImage, stubModel, type TestModel, withInt8 } from "../fixtures/models.ts";
import type { ServiceProcess } from "../fixtures/service-process.ts";
import { loadService, predict, statusOf } from "../fixtures/service-requests.ts";

const store = useModelStore();

const servedDigest = async (service: ServiceProcess) =>
  ((await (await fetch(`${service.url}/health`)).json()) as { model: { digest: string } }).model
    .digest;

describe("the model", () => {
  it("may come after the start: alive, not ready, 503 until then", async () => {
    const service = await store.start();
    await service.logged((line) => /is missing; train a model first/.test(line.msg));
    expect(await statusOf(service, "/livez")).toBe(200);
    expect(await statusOf(service, "/readyz")).toBe(503);
    const image = await colourImage("red");
    const early = await predict(service, image);
    expect(early.response.status).toBe(503);
    expect(early.response.headers.get("retry-after")).toBe("1");

    await store.publish(await stubModel());
    await service.serving();
    expect(await statusOf(service, "/readyz")).toBe(200);
    expect((await predict(service, image)).body).toMatchObject({ label: "cat" });
  });

  it("may be one model's directory instead of a store", async () => {
    const model = await stubModel();
    await writeModel(store.directory, model.files);
    const service = await store.start();
    await service.serving(model.digest);
  });

  it("answers with the file that model.json names, or the one that a setting asks for", async () => {
    const [floats, integers] = [await stubModel(2), await stubModel(5)];
    await store.publish(withInt8(floats, integers));
    const image = await colourImage("red");
    for (const [env, { digest }] of [
      [{}, integers],
      [{ PRECISION: "fp32" }, floats],
      [{ PRECISION: "int8" }, integers],
    ] as const) {
      const service = await store.start({ env });
      await service.serving(digest);
      expect(await servedDigest(service)).toBe(digest);
      expect((await predict(service, image)).body).toMatchObject({
        ...{ label: "cat", model: { digest, version: digest.slice(7, 19) } },
      });
    }
  });

  it("in int8 is not served in floats instead when it has no such file", async () => {
    await store.publish(await stubModel());
    const service = await store.start({ env: { PRECISION: "int8" } });
    const line = await service.logged((l) => l["code"] === "missing");
    expect(line.msg).toMatch(/has no int8 file; train again, or do not ask for int8/);
    expect(await statusOf(service, "/readyz")).toBe(503);
  });

  const bad: readonly (readonly [string, string, (good: TestModel) => Promise<void>])[] = [
    [
      "is missing",
      "missing",
      (good) =>
        writeFile(
          join(store.directory, "current.json"),
          JSON.stringify({ digest: good.digest.replace(/.$/, (d) => (d === "0" ? "1" : "0")) }),
        ),
    ],
    [
      "has another digest than it says",
      "digest-mismatch",
      async () => {
        const other = await stubModel(5);
        await store.publish({ ...other, files: { ...other.files, "model.onnx": "damaged" } });
      },
    ],
    [
      "is not the one that the pointer names",
      "digest-mismatch",
      async (good) => {
        const other = await stubModel(5);
        await writeModel(modelDirectory(store.directory, other.digest), good.files);
        const pointer = JSON.stringify({ digest: other.digest });
        await writeFile(join(store.directory, "current.json"), pointer);
      },
    ],
    [
      "is no ONNX graph",
      "corrupt",
      async () => {
        const { digestOf } = await import("../../model/digest.ts");
        const digest = digestOf("no graph");
        const metadata = { ...(await stubModel()).metadata, digest };
        await publishModel(
          store.directory,
          { "model.onnx": "no graph", "model.json": JSON.stringify(metadata) },
          digest,
        );
      },
    ],
    [
      "has unreadable metadata",
      "corrupt",
      async () => {
        const other = await stubModel(5);
        await store.publish({ ...other, files: { ...other.files, "model.json": "{" } });
      },
    ],
    [
      "has another shape than it says",
      "wrong-shape",
      async () => {
        const other = await stubModel(5);
        const metadata = {
          ...other.metadata,
          labels: ["cat", "dog", "other"],
          output: { name: "probabilities", shape: [null, 3] },
        };
        await store.publish({
          ...other,
          files: { ...other.files, "model.json": JSON.stringify(metadata) },
        });
      },
    ],
    [
      "has another output than it says",
      "wrong-shape",
      async () => {
        const other = await stubModel(5);
        const metadata = { ...other.metadata, output: { name: "logits", shape: [null, 2] } };
        await store.publish({
          ...other,
          files: { ...other.files, "model.json": JSON.stringify(metadata) },
        });
      },
    ],
    [
      "answers its golden pictures wrongly",
      "wrong-answer",
      async () => {
        const other = await stubModel(5);
        const files = { ...other.files, "golden/red.jpg": await colourImage("blue") };
        await store.publish({ ...other, files });
      },
    ],
  ];
  it("that answers its golden pictures wrongly never makes a service ready", async () => {
    const wrong = await stubModel();
    const files = { ...wrong.files, "golden/red.jpg": await colourImage("blue") };
    await store.publish({ ...wrong, files });
    const service = await store.start();
    const line = await service.logged((l) => l["code"] === "wrong-answer");
    expect(line.msg).toMatch(/red\.jpg: dog, expected cat; .*\(waiting for a model\)$/);
    expect(await statusOf(service, "/readyz")).toBe(503);
    expect(await statusOf(service, "/livez")).toBe(200);
    expect((await predict(service, await colourImage("red"))).response.status).toBe(503);

    const good = await stubModel(3);
    await store.publish(good);
    await service.serving(good.digest);
    expect(await statusOf(service, "/readyz")).toBe(200);
  });

  it.each(bad)("that %s is refused as %s while the old one serves", async (_, code, offer) => {
    const good = await stubModel();
    await store.publish(good);
    const service = await store.start();
    await service.serving(good.digest);
    await offer(good);
    const line = await service.logged((l) => l["code"] === code);
    expect(line.msg).toMatch(
      /^[^\n]*(train|copy|publish)[^\n]* \(the model before it keeps serving\)$/,
    );
    expect(await servedDigest(service)).toBe(good.digest);
    expect((await predict(service, await colourImage("blue"))).body).toMatchObject({
      label: "dog",
    });
    const metrics = await (await fetch(`${service.metricsUrl}/metrics`)).text();
    expect(metrics).toContain(`model_refusals_total{reason="${code}"} 1`);

    const next = await stubModel(3);
    await store.publish(next);
    await service.serving(next.digest);
  });

  it("is swapped under load without a failed request", async () => {
    const models = [await stubModel(1), await stubModel(2), await stubModel(3)] as const;
    await store.publish(models[0]);
    const service = await store.start();
    await service.serving();
    const clients = loadService(service, await colourImage("red"), 8);
    await clients.answered(20);
    for (const model of models.slice(1)) {
      await store.publish(model);
      await service.serving(model.digest);
      await clients.answered(clients.outcomes.length + 20);
    }
    await clients.stop();
    expect(new Set(clients.outcomes)).toEqual(new Set([200]));
    expect(clients.digests).toEqual(new Set(models.map((model) => model.digest)));
  });

  it("ends in good order while a worker opens a model", async () => {
    await store.publish(await backboneModel());
    for (let round = 0; round < 4; round++) {
      const service = await store.start();
      expect(await service.stop()).toBe(0);
    }
  });
});
