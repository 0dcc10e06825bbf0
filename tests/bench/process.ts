/*
 * Measures POST /process of one service with one client and a photo of 1024 × 1024, and how /predict and /livez do
 * meanwhile.
 *
 *   node tests/bench/process.ts [--photo FILE] [--requests N]
 *
 * The model is the real backbone with the head that it has without training; a drawn photo unless one is named.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import sharp from "sharp";
import { publishModel } from "../../model/store.ts";
import { backboneModel } from "../fixtures/backbone-model.ts";
import { drawPhoto } from "../fixtures/drawn-photos.ts";
import { startServiceProcess } from "../fixtures/service-process.ts";
import { quantile } from "./statistics.ts";

const SIDE = 1024;
const WARM_UP = 10;
const MS_PER_TICK = 10;

const readPhoto = async (path: string | undefined): Promise<Buffer> => {
  const { width, height, data } = drawPhoto("dog", "room", 1).picture;
  const image = path
    ? sharp(await readFile(path))
    : sharp(data, { raw: { width, height, channels: 3 } });
  return image.resize(SIDE, SIDE, { fit: "cover" }).jpeg({ quality: 90 }).toBuffer();
};

/** CPU time of a process and its threads so far, in milliseconds: what a busy machine does not falsify. */
const cpuTime = async (pid: number | undefined): Promise<number> => {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const [user = 0, system = 0] = stat.split(") ")[1]?.split(" ").slice(11, 13).map(Number) ?? [];
  return (user + system) * MS_PER_TICK;
};

/** Resident memory of a process, in megabytes. */
const residentMemory = async (pid: number | undefined): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1000);
};

const run = async (options: {
  readonly photo?: string;
  readonly requests: string;
}): Promise<void> => {
  const store = await mkdtemp(join(tmpdir(), "bench-process-"));
  const model = await backboneModel();
  await publishModel(store, model.files, model.digest);
  const service = await startServiceProcess({ model: store, env: { DEADLINE: "60" } });
  try {
    await service.serving();
    const photo = new Uint8Array(await readPhoto(options.photo));
    const time = async (path: string, accept = "application/json"): Promise<number> => {
      const begun = performance.now();
      const response = await fetch(service.url + path, {
        method: path === "/livez" ? "GET" : "POST",
        ...(path !== "/livez" && { body: photo }),
        headers: { "content-type": "image/jpeg", accept },
      });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`${path} answered ${response.status}`);
      return performance.now() - begun;
    };
    const repeat = async (path: string, count: number, accept?: string): Promise<number[]> => {
      const times: number[] = [];
      for (let i = 0; i < count; i++) times.push(await time(path, accept));
      return times;
    };
    const report = (what: string, times: readonly number[]): void => {
      const [p50, p95] = [quantile(times, 0.5), quantile(times, 0.95)].map(Math.round);
      process.stdout.write(`${what}: p50 ${p50} ms, p95 ${p95} ms (${times.length} requests)\n`);
    };
    const count = Number(options.requests);
    report("first /process, with everything to load", [await time("/process")]);
    await repeat("/process", WARM_UP, "image/png");
    const before = await cpuTime(service.process.pid);
    report("/process, JSON", await repeat("/process", count));
    const each = Math.round(((await cpuTime(service.process.pid)) - before) / count);
    process.stdout.write(`CPU of the service for each of them: ${each} ms\n`);
    const memory = await residentMemory(service.process.pid);
    process.stdout.write(`memory of the service: ${memory} MB\n`);
    report("/process, PNG", await repeat("/process", count, "image/png"));
    report("/predict alone", await repeat("/predict", count));
    const others: { readonly predict: number[]; readonly livez: number[] } = {
      predict: [],
      livez: [],
    };
    const working = repeat("/process", Math.ceil(count / 2));
    let busy = true;
    const done = working.finally(() => {
      busy = false;
    });
    while (busy) {
      others.livez.push(await time("/livez"));
      others.predict.push(await time("/predict"));
    }
    report("/process beside predictions", await done);
    report("/predict beside /process", others.predict);
    report("/livez beside /process", others.livez);
  } finally {
    await service.stop();
    await rm(store, { recursive: true });
  }
};

await new Command("process")
  .option("--photo <file>", "a photo, which is cut to 1024 × 1024")
  .option("--requests <n>", "of each kind", "100")
  .action(run)
  .parseAsync();
