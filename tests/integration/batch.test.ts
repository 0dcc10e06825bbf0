import { describe, expect, it } from "vitest";
import { endedJob, jobOf, sendBatch, submitBatch } from "../fixtures/batches.ts";
import { eventually } from "../fixtures/eventually.ts";
import { useModelStore } from "../fixtures/model-store.ts";
import { colourImage, stubModel } from "../fixtures/models.ts";
import type { ServiceProcess } from "../fixtures/service-process.ts";
import { predict } from "../fixtures/service-requests.ts";

const store = useModelStore();

const start = async (env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> => {
  await store.publish(await stubModel());
  const service = await store.start({ env });
  await service.serving();
  return service;
};

/** The 99th percentile of what requests take, one after the other; milliseconds. */
const p99 = async (service: ServiceProcess, image: Uint8Array, requests: number) => {
  const times: number[] = [];
  for (let i = 0; i < requests; i += 1) {
    const begun = performance.now();
    const { response } = await predict(service, image);
    expect(response.status).toBe(200);
    times.push(performance.now() - begun);
  }
  times.sort((a, b) => a - b);
  return times[Math.ceil(0.99 * times.length) - 1] ?? Number.NaN;
};

describe("a batch", () => {
  it("is predicted by a real service, and its events end with its results", async () => {
    const service = await start();
    const [red, blue] = [await colourImage("red"), await colourImage("blue", "png")];
    const id = await submitBatch(service, [red, blue, red.subarray(0, 50)]);
    const events = await (await fetch(`${service.url}/jobs/${id}/events`)).text();
    expect(events).toMatch(/event: completed\ndata: .*"done":3/);
    const job = await jobOf(service, id);
    expect(job).toMatchObject({ status: "completed", failed: 1, durable: false });
    expect(job.items.map(({ file, label }) => [file, label])).toEqual([
      ["0.jpg", "cat"],
      ["1.jpg", "dog"],
      ["2.jpg", undefined],
    ]);
  });

  it("ends with the service that has it in its memory, which says so and waits for what is computed", async () => {
    const service = await start({ WORKERS: "1" });
    const photos = Array.from({ length: 50 }, () => colourImage("red"));
    for (let i = 0; i < 4; i += 1) await submitBatch(service, await Promise.all(photos));
    expect(await service.stop("SIGTERM")).toBe(0);
    const lost = service.logs.find(({ msg }) => msg.startsWith("unfinished batches end"));
    expect(lost?.["jobs"]).toBeGreaterThan(0);
  });

  it("never starves /predict: a full queue leaves its p99 within a small multiple", async () => {
    // Behind sixteen batches it would wait for seconds, behind what workers have at once for some milliseconds.
    const service = await start();
    const large = await colourImage("red");
    const photos = Array.from({ length: 50 }, () => large);
    await p99(service, large, 50);
    const alone = await p99(service, large, 300);

    const ids: string[] = [];
    let feeding = true;
    const feed = async (): Promise<void> => {
      while (feeding) {
        const response = await sendBatch(service, photos);
        const body = (await response.json()) as { job_id?: string };
        if (body.job_id) ids.push(body.job_id);
        else await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    const fed = feed();
    await eventually(async () => {
      const metrics = await (await fetch(`${service.metricsUrl}/metrics`)).text();
      expect(metrics).toMatch(/batch_jobs\{state="waiting"\} [1-9]/);
    });
    const beside = await p99(service, large, 300);
    feeding = false;
    await fed;
    process.stderr.write(
      `p99 of /predict: ${alone.toFixed(1)} ms alone, ${beside.toFixed(1)} ms beside ${ids.length} batches\n`,
    );
    expect(beside / alone).toBeLessThan(15);
    const [first = ""] = ids;
    expect(await endedJob(service, first)).toMatchObject({ status: "completed", done: 50 });
  });
});
