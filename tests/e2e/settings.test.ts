import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endedJob, jobOf, submitBatch } from "../fixtures/batches.ts";
import { eventually, killContainer, podsOf, url, volumeDirectory } from "./cluster.ts";
import { openDeployRepository } from "./deploy-repository.ts";
import { skipped } from "./skipped.ts";
import { deployWithSettings } from "./stack-settings.ts";
import { kubectl, make, repository, start, stateFile } from "./support.ts";

const QUEUE = "app.kubernetes.io/name=batch-queue";
const PHOTOS = 20;

/** Pictures of a cat, each another one: the same would be computed once. @param width of the first, pixels */
const cats = async (width: number): Promise<readonly Uint8Array[]> => {
  const cat = readFileSync(join(repository, "artifacts/samples/cat.0.png"));
  return Promise.all(
    Array.from({ length: PHOTOS }, (_, index) =>
      sharp(cat)
        .resize(width + index)
        .jpeg()
        .toBuffer(),
    ),
  );
};

const predict = (key?: string): Promise<Response> => {
  const body = new FormData();
  body.set("image", new Blob([readFileSync(join(repository, "artifacts/samples/cat.0.png"))]));
  return fetch(`${url}/predict`, {
    ...{ method: "POST", body },
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
  });
};

/** The key of the platform's own commands. */
const platformKey = async (): Promise<string> => {
  const secret = ["get", "secret/platform-api-key", "-n", "cats-dogs"];
  const { stdout } = await kubectl(...secret, "--output", "jsonpath={.data.key}");
  return Buffer.from(stdout, "base64").toString();
};

/*
 * A platform with what is off by default: keys, batches in Redis, volumes for outputs and samples. Argo CD deploys the
 * service as ever. The tests build on each other, in this order.
 */
describe.skipIf(skipped)(`a platform with keys, a queue and volumes${skipped}`, () => {
  const scratch = mkdtempSync(join(tmpdir(), "settings-"));
  let key: string;
  let restore: (() => Promise<void>) | undefined;

  beforeAll(async () => {
    const keys = join(scratch, "api-keys.json");
    const made = await start("npm", ["run", "-s", "api-key", "--", "--name=e2e", `--file=${keys}`])
      .ended;
    expect(made.code, made.stderr).toBe(0);
    key = made.stdout.trim();
    restore = await deployWithSettings({
      batch: { redis: true },
      service: {
        access: { keys },
        sampling: { enabled: true, share: 1 },
        storage: { kind: "volume", size: "1Gi" },
      },
    });
  });
  afterAll(async () => {
    await restore?.();
    rmSync(scratch, { recursive: true });
  });

  it("answers who has a key, and nobody else", async () => {
    expect((await predict()).status).toBe(401);
    expect((await predict("icp_none")).status).toBe(401);
    expect((await predict(key)).status).toBe(200);
  });

  it("tests and judges itself with a key of its own, and changes nothing the second time", async () => {
    const smoke = await make("smoke");
    expect(smoke.code, smoke.stderr).toBe(0);
    const evaluated = await make("evaluate");
    expect(evaluated.code, evaluated.stderr).toBe(0);
    const trial = ["job/keyed-trial", "-n", "cats-dogs"];
    await kubectl(
      ...["create", "job", "keyed-trial", "-n", "cats-dogs"],
      "--from=cronjob/post-deploy-evaluation",
    );
    const waited = await kubectl("wait", "--for=condition=complete", "--timeout=600s", ...trial);
    expect(waited.code, (await kubectl("logs", ...trial)).stdout).toBe(0);
    await kubectl("delete", ...trial);
    const second = await make("up");
    expect(second.code, second.stderr).toBe(0);
    expect(second.stdout).toMatch(/^Resources:\s+\d+ unchanged$/m);
  });

  it("shows that key nowhere: not in the state, in Git, in a log or in what commands print", async () => {
    const own = await platformKey();
    expect(own).toMatch(/^icp_[0-9a-f]{64}$/);
    expect((await predict(own)).status).toBe(200);
    const copy = await openDeployRepository();
    const committed = await copy.git("log", "--patch", "--all");
    await copy.restore();
    const logs = await kubectl("logs", "-n", "cats-dogs", "deployment/api", "--tail=-1");
    const up = await make("up");
    for (const text of [readFileSync(stateFile, "utf8"), committed, logs.stdout, up.stdout]) {
      expect(text).not.toContain(own);
    }
  });

  it("keeps samples and outputs on their volumes", async () => {
    const samples = await volumeDirectory("cats-dogs", "samples");
    await eventually(() => expect(readdirSync(samples).length).toBeGreaterThan(1), 300);
    const output = await eventually(async () => {
      const body = new FormData();
      body.set("file", new Blob([readFileSync(join(repository, "artifacts/samples/cat.0.png"))]));
      const response = await fetch(`${url}/process?steps=segment,export`, {
        ...{ method: "POST", body },
        headers: { authorization: `Bearer ${key}` },
      });
      expect(response.status).toBe(200);
      return ((await response.json()) as { output_url: string }).output_url;
    }, 300);
    const kept = await fetch(new URL(output, url));
    expect(kept.headers.get("content-type")).toBe("image/png");
    expect(readdirSync(await volumeDirectory("cats-dogs", "outputs"))).toHaveLength(1);
  });

  it("processes a batch, and keeps its pictures beside that one", async () => {
    const service = { url, key };
    const query = "?task=process&steps=segment,export";
    const job = await endedJob(service, await submitBatch(service, await cats(200), query));
    expect(job).toMatchObject({ task: "process", status: "completed", done: PHOTOS, failed: 0 });
    for (const { output_url: link } of job.items) {
      const kept = await fetch(new URL(link ?? "", url));
      expect([kept.status, kept.headers.get("content-type")]).toEqual([200, "image/png"]);
    }
    const outputs = readdirSync(await volumeDirectory("cats-dogs", "outputs"));
    expect(outputs).toHaveLength(1 + PHOTOS);
  });

  it("answers every photo of its batches once, though their Redis dies twice meanwhile", async () => {
    const service = { url, key };
    const ids: string[] = [];
    const refusals: string[] = [];
    let submitting = true;
    const submitted = (async () => {
      for (let width = 300; submitting; width += PHOTOS) {
        const photos = await cats(width);
        try {
          ids.push(await submitBatch(service, photos));
        } catch (error) {
          refusals.push(String(error));
          await delay(250);
        }
      }
    })();
    /** Awaits that the queue takes batches (again). */
    const taken = (): Promise<void> => {
      const before = ids.length;
      return eventually(() => expect(ids.length).toBeGreaterThan(before + 1), 600);
    };

    await taken();
    // The process, as a crash ends it,
    await killContainer("cats-dogs", QUEUE, "batch-queue");
    await taken();
    // and then its pod: another one takes up the volume.
    const [pod] = await podsOf("cats-dogs", QUEUE);
    const removed = await kubectl("delete", "pod", pod?.metadata.name ?? "", "-n", "cats-dogs");
    expect(removed.code, removed.stderr).toBe(0);
    await taken();
    submitting = false;
    await submitted;
    // What is refused while the queue is full or away was promised to nobody.
    expect(refusals.filter((refusal) => !/^Error: (429|503) /.test(refusal))).toEqual([]);

    for (const id of ids) {
      const job = await endedJob(service, id);
      expect(job).toMatchObject({ durable: true, status: "completed", failed: 0 });
      expect([job.total, job.done]).toEqual([PHOTOS, PHOTOS]);
      const answers = job.items.map(({ file, label }) => `${file} ${label}`);
      expect(answers).toEqual(Array.from({ length: PHOTOS }, (_, i) => `${i}.jpg cat`));
      expect((await jobOf(service, id)).items, "recorded once").toEqual(job.items);
    }
    const letters = await kubectl(
      ...["exec", "-n", "cats-dogs", "deployment/batch-queue", "--"],
      ...["redis-cli", "llen", "image-classification:dead-letters"],
    );
    expect(letters.stdout.trim()).toBe("0");
  });
});
