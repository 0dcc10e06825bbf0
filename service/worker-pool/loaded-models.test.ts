import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { digestOf } from "../../model/digest.ts";
import type { ModelReference } from "../../model/model-files.ts";
import { writeModel } from "../../model/store.ts";
import { stubMetadata, stubOnnx } from "../../model/testing/stub-model.ts";
import { createLoadedModels, type LoadedModel } from "./loaded-models.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "loaded-models-"));
});
afterEach(() => rm(root, { recursive: true }));

/** Writes a model. @param name a letter, which becomes its producer's name, so that digests differ */
const write = async (name: string): Promise<ModelReference> => {
  const producer = Buffer.from(`\x12\x01${name}`);
  const onnx = Buffer.concat([stubOnnx(), producer]);
  const digest = digestOf(onnx);
  const directory = join(root, name);
  await writeModel(directory, {
    "model.onnx": onnx,
    "model.json": JSON.stringify(stubMetadata(digest)),
  });
  return { directory, digest };
};

/** Serves a model, and then another one while the first still has work. @returns what ends that work */
const replace = async (
  models: ReturnType<typeof createLoadedModels>,
  [first, second]: readonly [ModelReference, ModelReference],
): Promise<() => void> => {
  await models.load(first, false);
  models.use(first.digest);
  const letGo = models.hold(models.find() as LoadedModel);
  await models.load(second, false);
  models.use(second.digest);
  return letGo;
};

it("goes back to the model before, also when that one's last work ends in between", async () => {
  const models = createLoadedModels();
  const [a, b] = [await write("a"), await write("b")];
  const letGo = await replace(models, [a, b]);
  await models.load(a, false);
  letGo();
  models.use(a.digest);
  expect(models.find()?.reference).toEqual(a);
  expect(models.find(b.digest), "nothing needs it any more").toBeUndefined();
});

it("releases what was loaded to be used, and is not, with the end of its last work", async () => {
  const models = createLoadedModels();
  const [a, b] = [await write("a"), await write("b")];
  const letGo = await replace(models, [a, b]);
  await models.load(a, false);
  models.discard();
  expect(models.find(a.digest)?.reference).toEqual(a);
  letGo();
  expect(models.find(a.digest)).toBeUndefined();
  await models.load(a, false);
  models.discard();
  expect(models.find(a.digest), "without work at once").toBeUndefined();
  expect(models.find()?.reference).toEqual(b);
});

it("keeps a model beside the one that serves until it is dropped", async () => {
  const models = createLoadedModels();
  const [a, b] = [await write("a"), await write("b")];
  await models.load(a, false);
  models.use(a.digest);
  await models.load(b, true);
  models.discard();
  expect(models.find(b.digest)?.reference).toEqual(b);
  models.drop(b.digest);
  expect(models.find(b.digest)).toBeUndefined();
});
