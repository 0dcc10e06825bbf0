import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, request as forward } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { ModelMetadata } from "../../model/metadata.ts";
import { evaluate } from "../../training/evaluate.ts";
import { createMlflowClient, type MlflowClient } from "../../training/tracking/mlflow-client.ts";
import { sendKept, trackTraining } from "../../training/tracking/track.ts";
import type { Trained } from "../../training/train.ts";
import { type MlflowServer, startMlflow } from "../fixtures/mlflow-server.ts";
import { stubModel } from "../fixtures/models.ts";
import { withoutPython } from "../fixtures/python.ts";

const EPOCHS = 400;
const skipped = await withoutPython();
let scratch: string;
let figures: string;
let server: MlflowServer;
let client: MlflowClient;

beforeAll(async () => {
  if (skipped) return;
  scratch = await mkdtemp(join(tmpdir(), "tracking-"));
  figures = join(scratch, "figures");
  await mkdir(figures);
  await writeFile(join(figures, "loss.png"), "a picture");
  server = await startMlflow(join(scratch, "server"));
  client = createMlflowClient(server.url, { patience: 5_000 });
});
afterAll(async () => {
  if (skipped) return;
  await server.stop();
  await rm(scratch, { recursive: true });
});

/** A training as `train` returns it, with these figures on its test split. */
const training = async (
  name: string,
  { accuracy = 0.9, logLoss = 0.5, split = "a" } = {},
): Promise<Trained> => {
  const { metadata, files } = await stubModel();
  return {
    metadata: {
      ...metadata,
      ...{ name, version: `build of ${name}` },
      training: {
        ...metadata.training,
        splitDigest: `sha256:${split.repeat(64)}`,
        hyperparameters: { pull: 0.1 },
      },
      metrics: {
        ...metadata.metrics,
        test: { accuracy, interval: [0.8, 0.95], count: 40 },
        logLoss,
      },
    },
    files,
    fit: {
      head: { weights: new Float64Array(), bias: new Float64Array() },
      pull: 0.1,
      best: 0,
      epochs: Array.from({ length: EPOCHS }, (_, i) => ({
        trainLoss: 1 / (i + 1),
        valLoss: 2 / (i + 1),
        gradientNorm: 3 / (i + 1),
      })),
    },
    evaluation: evaluate([], ["cat", "dog"]),
    ...{ judgements: [], test: [], skipped: [] },
  };
};

const track = async (trained: Trained, url = server.url, copies = join(scratch, "copies")) => {
  const lines: string[] = [];
  const options = { url, copies, patience: 1_000 };
  const times = { start: Date.now() - 1000, end: Date.now() };
  await trackTraining(options, trained, figures, times, (line) => lines.push(line));
  return lines;
};

// biome-ignore lint/suspicious/noExplicitAny: MLflow's answers, looked into by the assertions
type Answer = any;
const get = (path: string, query: Record<string, string>): Promise<Answer> =>
  client.get(path, query);

const runsOf = async (name: string): Promise<Answer[]> => {
  const { experiment } = await get("experiments/get-by-name", { experiment_name: name });
  const { runs = [] }: Answer = await client.post("runs/search", {
    experiment_ids: [experiment.experiment_id],
  });
  return runs;
};
const versionsOf = async (name: string): Promise<Answer[]> =>
  (await get("model-versions/search", { filter: `name='${name}'` })).model_versions ?? [];
const championOf = async (name: string): Promise<string> =>
  (await get("registered-models/alias", { name, alias: "champion" })).model_version.version;
const historyOf = async (run_id: string, metric_key: string): Promise<Answer[]> =>
  (await get("metrics/get-history", { run_id, metric_key, max_results: "25000" })).metrics;

/** A server before MLflow that breaks every connection once it has passed on this many requests. */
const breakingAfter = async (requests: number): Promise<string> => {
  let left = requests;
  const proxy = createServer((incoming, outgoing) => {
    if (left-- <= 0) {
      incoming.socket.destroy();
      return;
    }
    const target = new URL(incoming.url ?? "", server.url);
    const { host: _, ...headers } = incoming.headers;
    incoming.pipe(
      forward(target, { method: incoming.method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      }),
    );
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  onTestFinished(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
};

describe.skipIf(skipped)(`tracking in a real MLflow server${skipped}`, () => {
  it("has the run with params, every step, tags, files and a champion version", async () => {
    const trained = await training("complete");
    const lines = await track(trained);
    expect(lines).toEqual([
      `tracking: ${server.url}/ has run build of complete: complete version 1, the champion`,
    ]);
    const [run, ...more] = await runsOf("complete");
    expect(more).toEqual([]);
    expect(run.info).toMatchObject({ status: "FINISHED", run_name: "build of complete" });
    const pairs = (list: Answer[]) =>
      Object.fromEntries(list.map(({ key, value }) => [key, value]));
    expect(pairs(run.data.params)).toMatchObject({ seed: "1", source: "sample", pull: "0.1" });
    expect(pairs(run.data.metrics)).toMatchObject({ test_accuracy: 0.9, test_log_loss: 0.5 });
    expect(pairs(run.data.tags)).toMatchObject({
      model_digest: trained.metadata.digest,
      dataset_digest: trained.metadata.training.splitDigest,
      git_commit: "test",
    });
    const history = await historyOf(run.info.run_id, "val_loss");
    expect(history).toHaveLength(EPOCHS);
    expect(history.find(({ step }) => step === 3).value).toBe(0.5);
    const list = async (path: string) =>
      (await get("artifacts/list", { run_id: run.info.run_id, path })).files.map(
        (file: Answer) => file.path,
      );
    expect(await list("figures")).toEqual(["figures/loss.png"]);
    expect((await list("model")).sort()).toEqual([
      "model/golden",
      "model/model.json",
      "model/model.onnx",
    ]);
    expect(await championOf("complete")).toBe("1");
    expect(await readdir(join(scratch, "copies"))).toEqual([]);
  });

  it("is told of the file that serves: the digest and the figures of the integers", async () => {
    const trained = await training("integers");
    const { metrics, digest } = trained.metadata;
    const int8: NonNullable<ModelMetadata["int8"]> = {
      ...{ digest: `sha256:${"8".repeat(64)}`, byDefault: true, golden: [] },
      calibration: { method: "min-max", count: 8, digest },
      validation: {
        ...{ count: 100, accuracy: { fp32: 0.97, int8: 0.97 }, lossPoints: 0 },
        ...{ labelFlips: 0, meanDifference: 0.01 },
      },
      metrics: { ...metrics, test: { ...metrics.test, accuracy: 0.875 }, logLoss: 0.6 },
    };
    await track({ ...trained, metadata: { ...trained.metadata, int8 } });
    const [run] = await runsOf("integers");
    const figureOf = (list: Answer[], wanted: string) =>
      list.find(({ key }) => key === wanted)?.value;
    expect(figureOf(run.data.metrics, "test_accuracy")).toBe(0.875);
    expect(figureOf(run.data.metrics, "test_log_loss")).toBe(0.6);
    expect(figureOf(run.data.tags, "model_digest")).toBe(int8.digest);
    const [{ tags }] = await versionsOf("integers");
    expect(figureOf(tags, "model_digest")).toBe(int8.digest);
    expect(figureOf(tags, "test_accuracy")).toBe("0.875");
  });

  it("changes the champion for a better model on the same test split only", async () => {
    const name = "rivals";
    const next = async (figures: { accuracy?: number; logLoss?: number; split?: string }) => {
      const [line = ""] = await track(await training(name, figures));
      return [line.slice(line.indexOf("version")), await championOf(name)];
    };
    expect(await next({})).toEqual(["version 1, the champion", "1"]);
    expect(await next({ accuracy: 0.8 })).toEqual([
      expect.stringMatching(/^version 2; version 1 stays the champion: on the same pictures/),
      "1",
    ]);
    expect(await next({})).toEqual([expect.stringMatching(/^version 3; version 1 stays/), "1"]);
    expect(await next({ logLoss: 0.4 })).toEqual(["version 4, the champion", "4"]);
    expect(await next({ accuracy: 0.95 })).toEqual(["version 5, the champion", "5"]);
    expect(await next({ accuracy: 1, split: "b" })).toEqual([
      "version 6; version 5 stays the champion: it was tested on other pictures",
      "5",
    ]);
  });

  it("keeps the run when nobody answers, says so in one line, and sends it with the next", async () => {
    const copies = join(scratch, "kept");
    const lines = await track(await training("late"), "http://127.0.0.1:9", copies);
    expect(lines).toEqual([
      expect.stringMatching(
        /^tracking: MLflow at http:\/\/127\.0\.0\.1:9\/ does not answer \(.+\); the run is kept in .*kept and sent with the next training, or by `npm run -s track`$/,
      ),
    ]);
    expect(await readdir(copies)).toHaveLength(1);
    expect(await track(await training("late", { accuracy: 0.95 }), server.url, copies)).toEqual([
      expect.stringContaining("late version 1, the champion"),
      expect.stringContaining("late version 2, the champion"),
    ]);
    expect(await readdir(copies)).toEqual([]);
    expect(await runsOf("late")).toHaveLength(2);
  });

  it.each([2, 4, 6, 9, 13])(
    "resumes a run that broke off after %i requests, with nothing twice",
    async (requests) => {
      const name = `broken-${requests}`;
      const copies = join(scratch, name);
      const [line] = await track(await training(name), await breakingAfter(requests), copies);
      expect(line).toMatch(/does not answer .*; the run is kept in/);
      const lines: string[] = [];
      await sendKept({ url: server.url, copies }, (sent) => lines.push(sent));
      expect(lines).toEqual([expect.stringContaining(`${name} version 1, the champion`)]);
      const [run, ...more] = await runsOf(name);
      expect(more).toEqual([]);
      expect(run.info.status).toBe("FINISHED");
      expect(await historyOf(run.info.run_id, "train_loss")).toHaveLength(EPOCHS);
      expect(await versionsOf(name)).toHaveLength(1);
    },
  );

  it("never fails a training, whatever the address is", async () => {
    const copies = join(scratch, "wrong");
    expect(await track(await training("wrong"), "mlruns", copies)).toEqual([
      expect.stringMatching(/^tracking: mlruns is no http address of an MLflow server; the run is/),
    ]);
    await writeFile(join(scratch, "a-file"), "");
    expect(await track(await training("wrong"), server.url, join(scratch, "a-file"))).toEqual([
      expect.stringMatching(
        /^tracking: the run could not be kept in .*a-file .* and is not tracked/,
      ),
    ]);
  });
});
