import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { digestOf } from "../model/digest.ts";
import type { ModelMetadata } from "../model/metadata.ts";
import { ModelError } from "../model/model-error.ts";
import { publishModel } from "../model/store.ts";
import { stubMetadata } from "../model/testing/stub-model.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { createModelRepository, type ModelRepository } from "./model-repository.ts";
import { eventually } from "./testing/eventually.ts";
import type { Pool } from "./worker-pool/pool.ts";

const add = vi.fn<Pool["add"]>();
const remove = vi.fn<Pool["remove"]>();
let directory: string;
let lifecycle: Lifecycle;
let repository: ModelRepository;

const metadataOf = (name: string, seed = name): ModelMetadata => ({
  ...stubMetadata(digestOf(seed)),
  name,
});
const offer = (model: ModelMetadata, beside = true) =>
  publishModel(
    directory,
    { "model.json": JSON.stringify(model) },
    model.digest,
    beside ? model.name : undefined,
  );
const pets = metadataOf("pets");
const flowers = metadataOf("flowers");
const cars = metadataOf("cars");
const states = async () =>
  Object.fromEntries(
    (await repository.index()).map(({ name, version, state }) => [`${name} ${version}`, state]),
  );
/** The model that a name means now. */
const named = (name: string, version?: string): ModelMetadata | undefined => {
  const lease = repository.lease(name, version);
  lease?.release();
  return lease?.model;
};
const keyOf = ({ name, version }: ModelMetadata): string => `${name} ${version}`;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "repository-"));
  lifecycle = { phase: "serving", model: pets };
  add.mockReset().mockImplementation(async ({ digest }) => {
    const found = [pets, flowers, cars].find((model) => model.digest === digest);
    return found ?? metadataOf("flowers", "newer");
  });
  remove.mockReset().mockResolvedValue();
  const log = pino({ level: "silent" });
  const pool = { add, remove };
  repository = createModelRepository({ directory, maxModels: 2, pool, lifecycle, log });
  await offer(pets, false);
  await offer(flowers);
});
afterEach(() => rm(directory, { recursive: true }));

it("loads a model by its name beside the one of /predict, and unloads it", async () => {
  expect(await states()).toEqual({ [keyOf(pets)]: "READY", [keyOf(flowers)]: "UNAVAILABLE" });
  expect(repository.lease("flowers")).toBeUndefined();
  await repository.load("flowers");
  await repository.load("flowers");
  expect(add, "loaded already").toHaveBeenCalledTimes(1);
  expect(await states()).toEqual({ [keyOf(pets)]: "READY", [keyOf(flowers)]: "READY" });
  expect(repository.loaded()).toEqual([pets, flowers]);
  expect(repository.lease("flowers", flowers.version)).toMatchObject({
    ...{ model: flowers, digest: flowers.digest },
  });
  expect(repository.lease("flowers", pets.version)).toBeUndefined();
  expect(repository.lease("pets")).toMatchObject({ model: pets, digest: undefined });
});

it("unloads when nobody uses the model any more", async () => {
  await repository.load("flowers");
  const [first, second] = [repository.lease("flowers"), repository.lease("flowers")];
  const unloaded = repository.unload("flowers");
  await eventually(() => expect(repository.loaded()).toEqual([pets]));
  expect(repository.lease("flowers")).toBeUndefined();
  expect(await states()).toMatchObject({ [keyOf(flowers)]: "UNLOADING" });
  first?.release();
  first?.release();
  await new Promise(setImmediate);
  expect(remove, "released twice counts once").not.toHaveBeenCalled();
  second?.release();
  await unloaded;
  expect(remove).toHaveBeenCalledExactlyOnceWith(flowers.digest);
  expect(await states()).toMatchObject({ [keyOf(flowers)]: "UNAVAILABLE" });
});

it("takes up the version that the store offers now, and retires the one before it", async () => {
  await repository.load("flowers");
  const newer = metadataOf("flowers", "newer");
  await offer(newer);
  await repository.load("flowers");
  expect(named("flowers")).toEqual(newer);
  expect(remove).toHaveBeenCalledExactlyOnceWith(flowers.digest);
  await repository.load("flowers", flowers.version);
  expect(named("flowers")).toEqual(flowers);
});

it("loads another version of the name that /predict has, by its version only", async () => {
  const older = metadataOf("pets", "older");
  await offer(older, false);
  await offer(pets, false);
  await repository.load("pets");
  expect(add, "it serves already").not.toHaveBeenCalled();
  add.mockResolvedValue(older);
  await repository.load("pets", older.version);
  expect(named("pets")).toEqual(pets);
  expect(named("pets", older.version)).toEqual(older);
  await repository.unload("pets");
  await expect(repository.unload("pets")).rejects.toMatchObject({
    ...{ code: "model-conflict", message: expect.stringMatching(/answers \/predict/) },
  });
});

it("loads no more than it may", async () => {
  await offer(cars);
  await repository.load("flowers");
  await expect(repository.load("cars")).rejects.toMatchObject({
    code: "model-conflict",
    message: "2 models are loaded, as many as MAX_MODELS allows; unload one of flowers first.",
  });
  await repository.unload("flowers");
  await repository.load("cars");
  expect(repository.loaded()).toEqual([pets, cars]);
});

it("says what is wrong, and loads nothing", async () => {
  await expect(repository.load("x")).rejects.toMatchObject({
    ...{ code: "not-found", message: 'The store has no model "x"; there is flowers, pets.' },
  });
  await expect(repository.load("flowers", "0")).rejects.toMatchObject({ code: "not-found" });
  await expect(repository.unload("flowers")).rejects.toMatchObject({ code: "not-found" });
  add.mockRejectedValueOnce(new ModelError("wrong-answer", "A rose is a tulip."));
  await expect(repository.load("flowers")).rejects.toMatchObject({
    ...{ code: "model-conflict", message: expect.stringMatching(/is not loaded: A rose/) },
  });
  expect(repository.lease("flowers")).toBeUndefined();
  await repository.load("flowers");
  lifecycle.model = undefined;
  await expect(repository.load("flowers")).rejects.toMatchObject({ code: "starting" });
});

it("asks for a version where the name alone could mean several", async () => {
  const older = metadataOf("birds", "older");
  await offer(older, false);
  await offer(metadataOf("birds", "newer"), false);
  await expect(repository.load("birds")).rejects.toMatchObject({
    ...{ code: "model-conflict", message: expect.stringMatching(/parameters\.version/) },
  });
  await repository.load("birds", older.version);
});
