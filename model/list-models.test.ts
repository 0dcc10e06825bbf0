import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { digestOf } from "./digest.ts";
import { listModels } from "./list-models.ts";
import { modelDirectory, publishModel, resolveModel, resolveName, writeModel } from "./store.ts";
import { stubMetadata, stubOnnx } from "./testing/stub-model.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "models-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const [one, two, three] = ["a", "b", "c"].map(digestOf) as [string, string, string];
const filesOf = (digest: string, name: string) => ({
  "model.json": JSON.stringify({ ...stubMetadata(digest), name }),
});
const listed = (digest: string, name: string) => ({
  ...{ name, version: digest.slice(7, 19), digest },
  directory: modelDirectory(directory, digest),
});

it("lists every model of a store, by name and version, and offers one by its name beside the one to serve", async () => {
  await publishModel(directory, filesOf(one, "pets"), one);
  await publishModel(directory, filesOf(two, "flowers"), two, "flowers");
  await publishModel(directory, filesOf(three, "flowers"), three, "flowers");
  const { models, unusable } = await listModels(directory);
  const flowers = [listed(two, "flowers"), listed(three, "flowers")];
  flowers.sort((a, b) => a.version.localeCompare(b.version));
  expect(models).toEqual([...flowers, listed(one, "pets")]);
  expect(unusable).toEqual([]);
  expect((await resolveModel(directory)).digest, "the one to serve stays").toBe(one);
  expect(await resolveName(directory, "flowers")).toMatchObject({ digest: three });
  expect(await resolveName(directory, "pets"), "no name of its own").toBeUndefined();
});

it("says what is wrong with a directory that holds no usable model, and lists the others", async () => {
  await publishModel(directory, filesOf(one, "pets"), one);
  await mkdir(join(directory, "models", "half"));
  await writeFile(join(directory, "models", "note.txt"), "no directory");
  const { models, unusable } = await listModels(directory);
  expect(models).toHaveLength(1);
  expect(unusable).toEqual([
    { directory: "half", reason: expect.stringMatching(/model\.json is missing/) },
  ]);
  expect((await listModels(directory, "int8")).unusable, "no int8 file").toHaveLength(2);
});

it("lists a single model's directory, and nothing where there is none", async () => {
  expect(await listModels(directory)).toMatchObject({ models: [], unusable: [{}] });
  await writeModel(directory, { ...filesOf(one, "pets"), "model.onnx": stubOnnx() });
  expect((await listModels(directory)).models).toEqual([{ ...listed(one, "pets"), directory }]);
});
