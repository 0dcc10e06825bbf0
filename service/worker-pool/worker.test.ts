import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { expect, it } from "vitest";
import { writeModel } from "../../model/store.ts";
import { stubMetadata, stubOnnx } from "../../model/testing/stub-model.ts";
import type { WorkerReply, WorkerRequest } from "./messages.ts";
import { startWorker } from "./start-worker.ts";

it("does not run the network on an image that nobody waits for any more", async () => {
  const directory = await mkdtemp(join(tmpdir(), "worker-"));
  const { digest } = stubMetadata();
  await writeModel(directory, {
    "model.onnx": stubOnnx(),
    "model.json": JSON.stringify(stubMetadata()),
  });
  const worker = startWorker();
  const send = (request: WorkerRequest): void => worker.postMessage(request);
  const hear = async (): Promise<WorkerReply> => (await once(worker, "message"))[0];
  try {
    send({ type: "load", directory, digest, keep: false });
    expect(await hear()).toMatchObject({ type: "loaded" });
    send({ type: "use", digest });

    // Its decode takes far longer than a message.
    const create = { width: 4000, height: 3000, channels: 3, background: "red" } as const;
    const image = new Uint8Array(await sharp({ create }).jpeg().toBuffer());
    send({ type: "predict", id: 1, image, priority: "interactive" });
    send({ type: "cancel", id: 1 });
    expect(await hear()).toMatchObject({
      type: "failed",
      id: 1,
      message: expect.stringMatching(/nobody waits/),
    });

    send({ type: "cancel", id: 2 });
    send({ type: "predict", id: 2, image, priority: "interactive" });
    expect(await hear(), "what is not known is not cancelled").toMatchObject({
      type: "answer",
      id: 2,
    });
  } finally {
    await worker.terminate();
    await rm(directory, { recursive: true });
  }
});
