import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "./digest.ts";
import { modelDirectory, publishModel, readModel, resolveModel, writeModel } from "./store.ts";
import { stubMetadata, stubOnnx } from "./testing/stub-model.ts";
import { writeFileAtomic, writeFilesAtomic } from "./write-atomic.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "store-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const filesOf = (metadata = stubMetadata()) => ({
  "model.json": JSON.stringify(metadata),
  "model.onnx": stubOnnx(),
  "golden/cat-1.jpg": Uint8Array.of(1, 2, 3),
});
const ONNX_DIGEST = digestOf(stubOnnx());

describe("digestOf", () => {
  it("is SHA-256, as container images write it", () => {
    // FIPS 180-2, appendix B.1
    expect(digestOf("abc")).toBe(
      "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });
});

describe("a single model's directory", () => {
  it("is read as it was written", async () => {
    await writeModel(directory, filesOf());
    const model = await readModel(directory);
    expect(model.metadata).toEqual(stubMetadata());
    expect(Buffer.from(model.onnx).equals(stubOnnx())).toBe(true);
    expect((await readdir(directory)).sort()).toEqual(["golden", "model.json", "model.onnx"]);
  });

  it.each([
    ["an empty directory", "missing", async () => undefined],
    ["no graph", "missing", async () => rm(join(directory, "model.onnx"))],
    ["a cut graph", "digest-mismatch", async () => truncate(join(directory, "model.onnx"), 50)],
    ["broken JSON", "corrupt", async () => truncate(join(directory, "model.json"), 20)],
    ["wrong JSON", "corrupt", async () => writeFile(join(directory, "model.json"), '{"a":1}')],
  ])("with %s is refused as %s", async (name, code, damage) => {
    if (name !== "an empty directory") await writeModel(directory, filesOf());
    await damage();
    await expect(readModel(directory)).rejects.toMatchObject({
      name: "ModelError",
      code,
      message: expect.stringMatching(/^[^\n]+$/),
    });
  });
});

describe("a model store", () => {
  it("serves what was published last and keeps what was before", async () => {
    const other = digestOf("another model");
    await publishModel(directory, filesOf(), ONNX_DIGEST);
    expect(await resolveModel(directory)).toEqual({
      directory: modelDirectory(directory, ONNX_DIGEST),
      digest: ONNX_DIGEST,
    });
    await publishModel(directory, filesOf(stubMetadata(other)), other);
    expect((await resolveModel(directory)).digest).toBe(other);
    expect(await readdir(join(directory, "models"))).toHaveLength(2);
    // The second one's graph is not what its digest says.
    await expect(readModel(directory)).rejects.toMatchObject({ code: "digest-mismatch" });
  });

  it("refuses a pointer that is no pointer", async () => {
    await writeFile(join(directory, "current.json"), '{"digest":"latest"}');
    await expect(readModel(directory)).rejects.toMatchObject({ code: "corrupt" });
  });
});

describe("a model in two precisions", () => {
  const int8Onnx = Uint8Array.of(8);
  const metadata = (byDefault: boolean) => ({
    ...stubMetadata(),
    int8: {
      digest: digestOf(int8Onnx),
      byDefault,
      calibration: { method: "min-max" as const, count: 1, digest: ONNX_DIGEST },
      validation: {
        ...{ count: 1, accuracy: { fp32: 1, int8: 1 }, lossPoints: 0 },
        ...{ labelFlips: 0, meanDifference: 0 },
      },
      golden: [{ file: "golden/cat-1.jpg", label: "cat", probability: 0.875 }],
    },
  });
  const files = (byDefault: boolean) => ({
    ...filesOf(metadata(byDefault)),
    "model.int8.onnx": int8Onnx,
  });
  const identity = (digest: string) => ({ digest, version: digest.slice(7, 19) });

  it.each([true, false])("offers the one that model.json says: int8 %s", async (byDefault) => {
    await publishModel(directory, files(byDefault), ONNX_DIGEST);
    const served = byDefault ? digestOf(int8Onnx) : ONNX_DIGEST;
    expect((await resolveModel(directory)).digest).toBe(served);
    expect((await readModel(directory)).metadata).toMatchObject(identity(served));
  });

  it("offers the one that is asked for, with its own golden probabilities", async () => {
    await publishModel(directory, files(false), ONNX_DIGEST);
    const { metadata: int8, onnx } = await readModel(directory, "int8");
    expect(Buffer.from(onnx)).toEqual(Buffer.from(int8Onnx));
    expect(int8).toMatchObject({
      ...identity(digestOf(int8Onnx)),
      golden: metadata(true).int8.golden,
    });
    await publishModel(directory, files(true), ONNX_DIGEST);
    expect((await readModel(directory, "fp32")).metadata).toEqual(metadata(true));
  });

  it("is refused when the file that answers is damaged or absent", async () => {
    await writeModel(directory, { ...files(true), "model.int8.onnx": "damaged" });
    await expect(readModel(directory)).rejects.toMatchObject({ code: "digest-mismatch" });
    await rm(join(directory, "model.int8.onnx"));
    await expect(readModel(directory)).rejects.toMatchObject({ code: "missing" });
    expect((await readModel(directory, "fp32")).metadata.digest).toBe(ONNX_DIGEST);
  });

  it("cannot be had of a model of an older training", async () => {
    await writeModel(directory, filesOf());
    expect((await readModel(directory)).metadata.digest).toBe(ONNX_DIGEST);
    await expect(readModel(directory, "int8")).rejects.toMatchObject({
      code: "missing",
      message: expect.stringMatching(/has no int8 file; train again/),
    });
  });
});

describe("writeFileAtomic", () => {
  it("replaces a file and leaves no temporary one", async () => {
    const path = join(directory, "a", "b.txt");
    await writeFileAtomic(path, "old");
    await writeFileAtomic(path, "new");
    expect(await readdir(join(directory, "a"))).toEqual(["b.txt"]);
  });

  it("replaces none of several when one cannot be written", async () => {
    const path = (name: string): string => join(directory, name);
    await writeFilesAtomic([
      [path("a"), "old"],
      [path("b"), "old"],
    ]);
    await mkdir(path("file"));
    await writeFile(path("file/x"), "");
    const broken = writeFilesAtomic([
      [path("a"), "new"],
      [path("b"), "new"],
      [path("file/x/c"), "new"],
    ]);
    await expect(broken).rejects.toThrow();
    expect(await readFile(path("a"), "utf8")).toBe("old");
    expect((await readdir(directory)).sort()).toEqual(["a", "b", "file"]);
  });

  it("leaves no temporary file when it fails", async () => {
    await mkdir(join(directory, "taken", "inside"), { recursive: true });
    await expect(writeFileAtomic(join(directory, "taken"), "x")).rejects.toThrow();
    expect(await readdir(directory)).toEqual(["taken"]);
  });
});
