import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { createPacker, decodePixels } from "../../model/preprocessing.ts";
import { publishModel } from "../../model/store.ts";
import { hashKey } from "../../service/access/api-keys.ts";
import { eventually } from "../fixtures/eventually.ts";
import { useModelStore } from "../fixtures/model-store.ts";
import { colourImage, stubModel, type TestModel } from "../fixtures/models.ts";
import { installPython, withoutPython } from "../fixtures/python.ts";
import type { ServiceProcess } from "../fixtures/service-process.ts";
import { predict, statusOf } from "../fixtures/service-requests.ts";

const TRITON = resolve(import.meta.dirname, "../fixtures/triton");
const PHOTO = 3 * 224 * 224;
const KEY = "administrator-of-this-test";
const skipped = await withoutPython();
const store = useModelStore();

/** Photos as the network takes them, one after the other. */
const tensorOf = async (
  { metadata: { preprocessing } }: TestModel,
  photos: readonly Uint8Array[],
): Promise<Float32Array<ArrayBuffer>> => {
  const tensor = new Float32Array(photos.length * PHOTO);
  const pack = createPacker(preprocessing);
  for (const [row, photo] of photos.entries()) {
    pack(await decodePixels(photo, preprocessing), tensor, row * PHOTO);
  }
  return tensor;
};

const start = async (model: TestModel): Promise<ServiceProcess> => {
  await store.publish(model);
  const service = await store.start();
  await service.serving(model.digest);
  return service;
};

/** Publishes a model of another name beside it, whose scores are paler. */
const publishColours = async () => {
  const { digest, files, metadata } = await stubModel(1);
  const about = { ...metadata, name: "colours" };
  const named = { ...files, "model.json": JSON.stringify(about) };
  await publishModel(store.directory, named, digest, about.name);
  return { digest, files: named, metadata: about };
};

/** Serves a model to those who have {@link KEY}, which may change what is loaded. */
const startForAdministrator = async (model: TestModel): Promise<ServiceProcess> => {
  await store.publish(model);
  const keys = join(store.directory, "keys.json");
  const key = { name: "ops", scope: "admin", sha256: hashKey(KEY) };
  await writeFile(keys, JSON.stringify({ keys: [key] }));
  const service = await store.start({ env: { API_KEYS_FILE: keys } });
  await service.serving(model.digest);
  return service;
};

/**
 * Runs a script with Triton's client.
 *
 * @param tensor what the model is asked, for the script's last argument
 * @returns what the script printed
 */
const askWithTriton = async (
  script: string,
  args: readonly string[],
  tensor: Float32Array<ArrayBuffer>,
) => {
  const path = join(store.directory, "photos.f32");
  await writeFile(path, new Uint8Array(tensor.buffer));
  const requirements = await readFile(join(TRITON, "requirements.txt"), "utf8");
  const python = await installPython("triton", requirements);
  const { stdout } = await promisify(execFile)(python, [join(TRITON, script), ...args, path]);
  return JSON.parse(stdout);
};

const metricsOf = async (service: ServiceProcess): Promise<string> =>
  (await fetch(`${service.metricsUrl}/metrics`)).text();

describe.skipIf(skipped)(`Triton's own client${skipped}`, () => {
  it("gets health, metadata and the scores that /predict has", async () => {
    const model = await stubModel();
    const service = await start(model);
    // Hardly red or blue, so that a wrong score is not hidden behind 0 and 1.
    const photos = [await colourImage("#906070"), await colourImage("#607090")];
    const asked = await askWithTriton(
      "client.py",
      [new URL(service.url).host, model.metadata.name],
      await tensorOf(model, photos),
    );

    expect(asked).toMatchObject({ live: true, ready: true, modelReady: true, versionReady: true });
    expect(asked.strangerReady).toBe(false);
    expect(asked.server.extensions).toContain("binary_tensor_data");
    expect(asked.model).toEqual(asked.version);
    expect(asked.model).toMatchObject({
      name: "cats-dogs",
      versions: [model.metadata.version],
      platform: "onnxruntime_onnx",
      inputs: [{ name: "input", datatype: "FP32", shape: [-1, 3, 224, 224] }],
      outputs: [{ name: "probabilities", datatype: "FP32", shape: [-1, 2] }],
      parameters: { digest: model.digest, labels: '["cat","dog"]' },
    });

    const expected = await Promise.all(
      photos.map(async (photo) => {
        const { body } = await predict(service, photo);
        return Object.values(body["probabilities"] as Record<string, number>);
      }),
    );
    expect(expected.map(([cat]) => cat?.toFixed(1))).toEqual(["0.7", "0.2"]);
    for (const way of ["binary", "json", "jsonToBinary", "binaryToJson"]) {
      const { scores, response } = asked[way];
      scores.flat().forEach((score: number, index: number) => {
        expect(score, way).toBeCloseTo(expected.flat()[index] as number, 6);
      });
      expect(response).toMatchObject({
        model_name: "cats-dogs",
        model_version: model.metadata.version,
        outputs: [{ name: "probabilities", datatype: "FP32", shape: [2, 2] }],
      });
      expect("data" in response.outputs[0], way).toBe(way.toLowerCase().endsWith("json"));
    }
    expect(asked.binary.response.id).toBe("42");
    expect(asked.one.scores).toHaveLength(1);

    const failures = {
      unknownModel: ["404", /no such model or version; cats-dogs/],
      unknownVersion: ["404", /no such model or version/],
      wrongShape: ["400", /"input" is FP32 \[2,3,100,224\]; the model takes FP32 \[-1,3,224,224\]/],
      unknownOutput: ["400", /outputs asked for are "x"/],
      tooMany: ["400", /The batch has 9 photos; send 1 to 8/],
      tooLarge: ["413", /more than 10485760 bytes/],
      classes: ["400", /does not offer the output parameter classification/],
    } as const;
    for (const [way, [status, message]] of Object.entries(failures)) {
      expect(asked[way].status, way).toBe(status);
      expect(asked[way].message).toMatch(message);
    }
    const metrics = await metricsOf(service);
    expect(metrics, "paths are no labels").not.toContain("stranger");
    expect(metrics).toContain('route="/v2/models/:name/infer"');
    expect(metrics, "both photos in 4 ways, one alone, and /predict's").toMatch(
      /^predictions_total\{label="cat"\} 6$/m,
    );
  });
});

describe.skipIf(skipped)(`Triton's own client as an administrator${skipped}`, () => {
  it("loads another model of the store beside the first, and unloads it", async () => {
    const pets = await stubModel();
    const colours = await publishColours();
    const service = await startForAdministrator(pets);
    const seen = await askWithTriton(
      "repository.py",
      [new URL(service.url).host, KEY, "cats-dogs", "colours"],
      await tensorOf(pets, [await colourImage("#906070")]),
    );
    expect(seen.extensions).toContain("model_repository");
    const unloaded = { "cats-dogs": "READY", colours: "UNAVAILABLE" };
    expect(seen.before).toEqual(unloaded);
    expect(seen.loaded).toEqual({ "cats-dogs": "READY", colours: "READY" });
    expect(seen.ready).toBe(true);
    expect(seen.metadata).toMatchObject({
      ...{ name: "colours", versions: [colours.metadata.version] },
      parameters: { digest: colours.digest },
    });
    // Each with its own network: the softmax of half of the first one's scores.
    const [[cat]] = seen.scores["cats-dogs"];
    const [[pale]] = seen.scores.colours;
    const logit = (p: number): number => Math.log(p / (1 - p));
    expect(logit(pale)).toBeCloseTo(logit(cat) / 2, 4);
    expect(logit(cat)).toBeGreaterThan(0.5);
    expect(seen.stranger).toMatchObject({
      ...{ status: "404", message: expect.stringContaining("there is cats-dogs, colours") },
    });
    expect(seen.config).toMatchObject({
      status: "400",
      message: expect.stringContaining("config"),
    });
    expect(seen.default).toMatchObject({ status: "409" });
    expect(seen.unloaded).toEqual(unloaded);
    expect(seen.readyAfter).toBe(false);
    expect(seen.inferAfter).toMatchObject({ status: "404" });
    expect(seen.unknownKey).toMatchObject({ status: "401" });
  });
});

describe("named models", () => {
  it("are loaded at the start, and one that is refused keeps no other from serving", async () => {
    const pets = await stubModel();
    await store.publish(pets);
    const { digest, files, metadata } = await publishColours();
    const wrong = { ...metadata, golden: [{ ...metadata.golden[0], label: "dog" }] };
    const ready = (service: ServiceProcess) => statusOf(service, "/v2/models/colours/ready");
    const first = await store.start({ env: { LOAD_MODELS: "absent,colours" } });
    await first.logged((line) => /no model "absent"/.test(line.msg));
    await first.logged((line) => line.msg === "model loaded");
    expect(await ready(first)).toBe(200);
    const index = `${first.url}/v2/repository/index`;
    expect((await fetch(index, { method: "POST" })).status, "without keys").toBe(403);

    const refused = { ...files, "model.json": JSON.stringify(wrong) };
    await publishModel(store.directory, refused, digest, "colours");
    const second = await store.start({ env: { LOAD_MODELS: "colours" } });
    const line = await second.logged(({ msg }) => msg.startsWith("LOAD_MODELS"));
    expect(line.msg, "its golden picture proves it wrong").toMatch(
      /golden\/red.jpg: cat, expected/,
    );
    expect(await ready(second)).toBe(404);
    expect(await statusOf(second, "/readyz")).toBe(200);
  });

  it("are unloaded and loaded again under load, without a request that fails for it", async () => {
    const pets = await stubModel();
    await publishColours();
    const service = await startForAdministrator(pets);
    const headers = { authorization: `Bearer ${KEY}` };
    const change = async (how: "load" | "unload") => {
      const url = `${service.url}/v2/repository/models/colours/${how}`;
      expect((await fetch(url, { method: "POST", headers })).status).toBe(200);
    };
    const tensor = await tensorOf(pets, [await colourImage("red")]);
    const outcomes = new Map<string, Set<number>>();
    let latest = 0;
    let stopped = false;
    const client = async (name: string): Promise<void> => {
      while (!stopped) {
        const response = await fetch(`${service.url}/v2/models/${name}/infer`, {
          method: "POST",
          headers: { ...headers, "inference-header-content-length": "0" },
          body: tensor,
        });
        await response.arrayBuffer();
        outcomes.set(name, (outcomes.get(name) ?? new Set()).add(response.status));
        if (name === "colours") latest = response.status;
      }
    };
    const clients = ["cats-dogs", "colours", "colours"].map(client);
    for (let i = 0; i < 5; i++) {
      await change("load");
      await eventually(() => expect(latest).toBe(200));
      await change("unload");
      await eventually(() => expect(latest).toBe(404));
    }
    stopped = true;
    await Promise.all(clients);
    expect(outcomes.get("cats-dogs")).toEqual(new Set([200]));
    expect([...(outcomes.get("colours") ?? [])].sort()).toEqual([200, 404]);
  });
});

describe("tensor requests", () => {
  it("share the slots of /predict, one for each photo, and are refused like it", async () => {
    const model = await stubModel();
    await store.publish(model);
    const service = await store.start({ env: { SLOTS: "4", BURST_SLOTS: "4" } });
    await service.serving();
    const red = await colourImage("red");
    const tensor = await tensorOf(model, [red, red, red]);
    const ask = async () => {
      const response = await fetch(`${service.url}/v2/models/cats-dogs/infer`, {
        method: "POST",
        headers: { "inference-header-content-length": "0" },
        body: tensor,
      });
      return { status: response.status, body: await response.text() };
    };
    const answers = await Promise.all(Array.from({ length: 30 }, ask));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
    const refused = answers.find(({ status }) => status === 429);
    expect(JSON.parse(refused?.body ?? "")).toEqual({ error: expect.stringContaining("busy") });
    expect((await ask()).status, "the slots are free again").toBe(200);
  });

  it("take JSON up to the body's limit", async () => {
    const service = await start(await stubModel());
    const ask = (photos: number) => {
      const data = new Array(photos * PHOTO).fill(-0.9921875);
      const input = { name: "input", datatype: "FP32", shape: [photos, 3, 224, 224], data };
      return fetch(`${service.url}/v2/models/cats-dogs/infer`, {
        method: "POST",
        body: JSON.stringify({ inputs: [input] }),
      });
    };
    const answer = await ask(5);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ outputs: [{ shape: [5, 2] }] });
    expect((await ask(8)).status).toBe(413);
  });
});
