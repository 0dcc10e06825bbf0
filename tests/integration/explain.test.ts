import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it, vi } from "vitest";
import { makeDriftReference } from "../../model/drift-reference.ts";
import type { ModelMetadata } from "../../model/metadata.ts";
import { METRIC } from "../../service/metric-names.ts";
import { useModelStore } from "../fixtures/model-store.ts";
import { colourImage, stubModel, type TestModel } from "../fixtures/models.ts";
import type { ServiceProcess } from "../fixtures/service-process.ts";
import { predict } from "../fixtures/service-requests.ts";

const store = useModelStore();

type Explained = {
  readonly label: string;
  readonly probabilities: Readonly<Record<string, number>>;
  readonly explanation: {
    readonly values: readonly (readonly number[])[];
    readonly scores: { readonly least: number; readonly greatest: number };
    readonly covers: number;
  };
};
const explain = async (service: ServiceProcess, image: Uint8Array): Promise<Explained> => {
  const response = await fetch(`${service.url}/predict?explain=1`, {
    method: "POST",
    body: new Uint8Array(image),
    headers: { "content-type": "image/jpeg" },
  });
  expect(response.status).toBe(200);
  return (await response.json()) as Explained;
};
const withMetadata = (model: TestModel, more: Partial<ModelMetadata>): TestModel => {
  const metadata = { ...model.metadata, ...more };
  const files = { ...model.files, "model.json": JSON.stringify(metadata) };
  return { ...model, metadata, files };
};
const start = async (
  model: TestModel,
  env: Readonly<Record<string, string>> = {},
): Promise<ServiceProcess> => {
  await store.publish(model);
  const service = await store.start({ env });
  await service.serving(model.digest);
  return service;
};
const metric = async (service: ServiceProcess, name: string) => {
  const text = await (await fetch(`${service.metricsUrl}/metrics`)).text();
  return Object.fromEntries(
    text
      .split("\n")
      .filter((line) => line.startsWith(`${name}{`))
      .map((line) => [/of="(\w+)"/.exec(line)?.[1], Number(line.split(" ").at(-1))]),
  );
};

describe("?explain=1", () => {
  it("says where in the photo the answer comes from, with the same answer as without", async () => {
    const service = await start(await stubModel(1));
    // Left half red (cat), right half blue (dog), a little more red.
    const [width, height] = [320, 240];
    const blue = await sharp({ create: { width: 140, height, channels: 3, background: "blue" } })
      .png()
      .toBuffer();
    const photo = await sharp({ create: { width, height, channels: 3, background: "red" } })
      .composite([{ input: blue, left: 180, top: 0 }])
      .jpeg()
      .toBuffer();
    const plain = (await predict(service, photo)).body as Explained;
    expect(plain).not.toHaveProperty("explanation");
    const { label, probabilities, explanation } = await explain(service, photo);
    expect(label).toBe("cat");
    for (const [name, value] of Object.entries(plain.probabilities)) {
      expect(probabilities[name]).toBeCloseTo(value, 6);
    }
    expect(explanation.covers).toBe(0.875);
    expect(explanation.values).toHaveLength(8);
    // The model reads the upper four rows only: red speaks for the cat, blue against it.
    for (const row of explanation.values.slice(0, 4)) {
      expect(row[0]).toBeGreaterThan(0.95);
      expect(row[7]).toBeLessThan(0.05);
    }
    for (const row of explanation.values.slice(4)) {
      for (const value of row) expect(value).toBeCloseTo(0.5, 1);
    }
    // The definition: the mean of the map is the score that softmax sees, and the dog's is its opposite here.
    const { least, greatest } = explanation.scores;
    const all = explanation.values.flat().map((value) => least + value * (greatest - least));
    const mean = all.reduce((a, b) => a + b) / all.length;
    const odds = Math.log((probabilities["cat"] ?? 0) / (probabilities["dog"] ?? 1));
    expect(2 * mean).toBeCloseTo(odds, 2);
  });

  it("goes on after a model is swapped, and is refused by one that cannot", async () => {
    const service = await start(await stubModel(2));
    const red = await colourImage("red");
    await explain(service, red);
    const next = await stubModel(3);
    await store.publish(next);
    await service.serving(next.digest);
    expect((await explain(service, red)).label).toBe("cat");
    const { activation: _, ...older } = (await stubModel(4)).metadata;
    const old = await stubModel(4);
    await store.publish({ ...old, files: { ...old.files, "model.json": JSON.stringify(older) } });
    await service.serving(old.digest);
    const refused = await fetch(`${service.url}/predict?explain=1`, {
      method: "POST",
      body: new Uint8Array(red),
      headers: { "content-type": "image/jpeg" },
    });
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({ detail: expect.stringMatching(/train again/) });
  });
});

describe("drift", () => {
  /** Training's photos: red ones and blue ones, nothing between. */
  const reference = makeDriftReference(
    Array.from({ length: 200 }, (_, i) => ({
      confidence: 0.99 + 0.01 * Math.sin(i) ** 2,
      embedding: Float32Array.from([1, -1, -1].map((value) => value * (1 + 0.1 * Math.sin(i)))),
    })),
  );

  it("is measured of answers and of embeddings", async () => {
    const model = withMetadata(await stubModel(), { drift: reference });
    const service = await start(model, { DRIFT_EMBEDDING_INTERVAL: "0.001" });
    expect(await metric(service, METRIC.drift), "nothing yet").toEqual({});
    const strange = await colourImage("#808080");
    for (let i = 0; i < 30; i++) {
      expect((await predict(service, strange)).response.status).toBe(200);
    }
    const [psi, bound, photos] = await Promise.all(
      [METRIC.drift, METRIC.driftBound, METRIC.driftPhotos].map((name) => metric(service, name)),
    );
    expect(photos).toMatchObject({ confidence: 30, embedding: expect.any(Number) });
    expect(photos?.["embedding"]).toBeGreaterThan(25);
    for (const of of ["confidence", "embedding"]) {
      expect(psi?.[of]).toBeGreaterThan(bound?.[of] ?? Number.NaN);
    }
  });

  it("is no reason not to answer when the embedding cannot be had", async () => {
    const model = await stubModel();
    const { activation: _, ...metadata } = { ...model.metadata, drift: reference };
    const files = { ...model.files, "model.json": JSON.stringify(metadata) };
    const service = await start({ ...model, files });
    expect((await predict(service, await colourImage("red"))).body).toMatchObject({ label: "cat" });
    expect(Object.keys(await metric(service, METRIC.drift))).toEqual(["confidence"]);
  });
});

describe("samples", () => {
  it("are kept where a setting says so, without what the photo says of its maker", async () => {
    const directory = join(store.directory, "samples");
    await store.publish(await stubModel());
    const service = await store.start({
      env: { SAMPLE_DIRECTORY: directory, SAMPLE_SHARE: "1" },
    });
    await service.serving();
    expect(await readdir(directory), "golden pictures are nobody's").toEqual([]);
    const red = await sharp(await colourImage("red"))
      .withExif({ IFD0: { Copyright: "somebody" } })
      .toBuffer();
    expect(red.includes("somebody")).toBe(true);
    await predict(service, red);
    await vi.waitFor(
      async () =>
        expect(await readdir(directory)).toEqual([
          expect.stringMatching(/jpg$/),
          expect.stringMatching(/json$/),
        ]),
      { timeout: 120_000 },
    );
    const [photo = "", answer = ""] = (await readdir(directory)).sort();
    const kept = await readFile(join(directory, photo));
    expect(kept.includes("somebody")).toBe(false);
    const { dominant } = await sharp(kept).stats();
    expect(dominant.r).toBeGreaterThan(200);
    expect(JSON.parse(await readFile(join(directory, answer), "utf8"))).toMatchObject({
      label: "cat",
    });
  });
});
