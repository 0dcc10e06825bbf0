/*
 * Bugs that batching servers are known for, held against this service's own queue: a limit of one that crashes, limits
 * that count requests and not images, a batch's patience that one image has to have, and slots that stay with clients
 * that left. The third one is in worker-pool/pool.test.ts ("gives a lone image to an idle worker at once"), where it can
 * be seen without a clock.
 */
import { once } from "node:events";
import { connect } from "node:net";
import sharp from "sharp";
import { expect, it } from "vitest";
import { eventually } from "../fixtures/eventually.ts";
import { useModelStore } from "../fixtures/model-store.ts";
import { colourImage, stubModel } from "../fixtures/models.ts";
import type { ServiceProcess } from "../fixtures/service-process.ts";
import { predict } from "../fixtures/service-requests.ts";

const PHOTO_BYTES = 4 * 3 * 224 * 224;
const store = useModelStore();

const start = async (env: Readonly<Record<string, string>>): Promise<ServiceProcess> => {
  await store.publish(await stubModel());
  const service = await store.start({ env });
  await service.serving();
  return service;
};
const infer = async (service: ServiceProcess, photos: number) => {
  const response = await fetch(`${service.url}/v2/models/cats-dogs/infer`, {
    method: "POST",
    headers: { "inference-header-content-length": "0" },
    body: new Uint8Array(photos * PHOTO_BYTES),
  });
  return { status: response.status, body: await response.text() };
};
const metricOf = async (service: ServiceProcess, series: string): Promise<number> => {
  const metrics = await (await fetch(`${service.metricsUrl}/metrics`)).text();
  const line = metrics.split("\n").find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
};

it("answers one image at a time when the largest batch is one", async () => {
  const service = await start({ MAX_BATCH: "1", WORKERS: "1", SLOTS: "1", BURST_SLOTS: "1" });
  expect((await infer(service, 1)).status).toBe(200);
  expect(await infer(service, 2)).toMatchObject({
    status: 400,
    body: expect.stringContaining("The batch has 2 photos; send 1 to 1"),
  });
  expect((await predict(service, await colourImage("red"))).response.status).toBe(200);
  expect(await metricOf(service, 'worker_faults_total{fault="worker-crashed"}')).toBe(0);
});

it("counts images and not requests, and computes no batch that is too large", async () => {
  const service = await start({
    MAX_BATCH: "8",
    MAX_BODY_BYTES: String(33 * PHOTO_BYTES),
    SLOTS: "8",
    BURST_SLOTS: "8",
  });
  expect((await infer(service, 32)).status).toBe(400);
  expect((await infer(service, 8)).status).toBe(200);
  // Seven photos are announced, so that one slot is left, though this is one request.
  const large = connect(Number(new URL(service.url).port), "127.0.0.1");
  large.write(
    `POST /v2/models/cats-dogs/infer HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ninference-header-content-length: 0\r\ncontent-length: ${7 * PHOTO_BYTES}\r\n\r\n`,
  );
  // Said once it has its slots.
  expect(String(await once(large, "data"))).toMatch(/^HTTP\/1.1 100 Continue/);
  expect((await infer(service, 2)).status).toBe(429);
  large.destroy();
  await once(large, "close");
  await eventually(async () => expect((await infer(service, 8)).status).toBe(200));
});

it("serves on when more clients left than it has slots, wherever their images were by then", async () => {
  const service = await start({ WORKERS: "1", SLOTS: "3", BURST_SLOTS: "3" });
  // Large enough that its decode is under way for a while.
  const photo = await sharp(await colourImage("red"))
    .resize(3000, 2000)
    .jpeg()
    .toBuffer();
  const { port } = new URL(service.url);
  const head = `POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/jpeg\r\ncontent-length: ${photo.length}\r\n\r\n`;
  const cancelled = 'inference_failures_total{reason="cancelled"}';
  const leave = async (): Promise<void> => {
    const sockets = Array.from({ length: 3 }, () => connect(Number(port), "127.0.0.1"));
    await Promise.all(
      sockets.map(
        (socket) =>
          new Promise((sent) => socket.write(Buffer.concat([Buffer.from(head), photo]), sent)),
      ),
    );
    for (const socket of sockets) socket.destroy();
  };
  for (let round = 0; round < 20; round += 1) await leave();
  await eventually(async () => {
    // Those of one round may all have been answered before they left.
    await leave();
    expect(await metricOf(service, cancelled)).toBeGreaterThan(0);
  });
  await eventually(async () => {
    const { response } = await predict(service, await colourImage("red"));
    expect(response.status).toBe(200);
  });
  expect(await metricOf(service, "inference_queue_depth")).toBe(0);
});
