import { type Context, Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { Logger } from "pino";
import type { z } from "zod";
import { type BatchQueue, queueFull } from "../batch/batch-queue.ts";
import type { Budget } from "../batch/budget.ts";
import { followJob } from "../batch/follow-job.ts";
import { jobAnswer } from "../batch/job-answer.ts";
import type { batchAnswerSchema } from "../batch/job-schemas.ts";
import { type PhotoLimits, readPhotos } from "../batch/read-photos.ts";
import { readTask, type TaskOptions } from "../batch/read-task.ts";
import { type BodyLimits, hungUp, readBody } from "../body.ts";
import { type Lifecycle, statusOf } from "../lifecycle.ts";
import type { ServiceEnv } from "../observe.ts";
import { ProblemError } from "../problem.ts";
import type { Storage } from "../storage/storage.ts";

export type JobRoutesOptions = {
  readonly queue: BatchQueue;
  /** What uploads and photos may take of this process's memory. */
  readonly budget: Budget;
  readonly body: BodyLimits;
  readonly photos: PhotoLimits;
  readonly config: TaskOptions["config"];
  /** Where the pictures of processed photos are kept. @default none: they are not kept */
  readonly storage?: Pick<Storage, "signedUrl"> | undefined;
  readonly retentionSeconds: number;
  /** Event streams at once. */
  readonly maxStreams: number;
  readonly lifecycle: Lifecycle;
  readonly workersReady: () => number;
  readonly log: Logger;
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NO_STORE = { "cache-control": "no-store" };

const noJob = (): ProblemError =>
  new ProblemError("not-found", "There is no such job, or not any more.");

const tooManyStreams = (): ProblemError =>
  new ProblemError(
    "queue-full",
    "Too many clients follow jobs; ask /jobs/{id} now and then instead.",
    {
      headers: { "retry-after": "10" },
    },
  );

/** The id in the path. @throws ProblemError `not-found` when it is none */
const idOf = (c: Context<ServiceEnv, "/jobs/:id">): string => {
  const { id } = c.req.param();
  if (!UUID.test(id)) throw noJob();
  return id;
};

/** `POST /batch`: many photos in, a job's id out; and the job's state, events and end. */
export const jobRoutes = (options: JobRoutesOptions): Hono<ServiceEnv> => {
  const { queue, budget, body, photos, retentionSeconds, maxStreams, lifecycle, log } = options;
  const { config, storage } = options;
  let streams = 0;

  /** The Content-Type of a request that may send its body. @throws ProblemError */
  const accept = async ({ incoming }: ServiceEnv["Bindings"]): Promise<string> => {
    const type = incoming.headers["content-type"] ?? "";
    if ((incoming.headers["content-encoding"] ?? "identity") !== "identity") {
      throw new ProblemError("unsupported-type", "The body is compressed; send it as it is.");
    }
    if (!/^multipart\/form-data *(;|$)/i.test(type)) {
      throw new ProblemError(
        "unsupported-type",
        'Send multipart/form-data with each photo as "files".',
        { headers: { accept: "multipart/form-data" } },
      );
    }
    const status = statusOf(lifecycle, options.workersReady());
    if (status !== "ok") {
      throw new ProblemError(status, `The service is ${status}; send the batch again.`, {
        headers: { "retry-after": "1" },
      });
    }
    if (!(await queue.hasRoom())) throw queueFull();
    return type;
  };

  const app = new Hono<ServiceEnv>();
  app.post("/batch", async (c) => {
    const task = readTask(c.req.query(), { config, keeps: storage !== undefined });
    const type = await accept(c.env);
    const { incoming, outgoing } = c.env;
    const declared = Number(incoming.headers["content-length"] ?? body.maxBytes);
    const release = budget.take(Math.min(declared, body.maxBytes));
    if (!release) throw queueFull();
    let uploaded: ReturnType<typeof readPhotos>;
    try {
      uploaded = readPhotos(await readBody(incoming, outgoing, body), type, photos);
    } catch (error) {
      release();
      throw error;
    }
    const id = await queue.submit(uploaded, task, release);
    log.info({ job: id, task: task.kind, photos: uploaded.length }, "batch");
    const answer: z.infer<typeof batchAnswerSchema> = { job_id: id, status: "queued" };
    return c.json(answer, 202, { location: `/jobs/${id}` });
  });

  app.get("/jobs/:id", async (c) => {
    const job = await queue.find(idOf(c));
    if (!job) throw noJob();
    const { durable } = queue;
    return c.json(await jobAnswer(job, { durable, retentionSeconds, storage }), 200, NO_STORE);
  });

  app.delete("/jobs/:id", async (c) => {
    if (!(await queue.remove(idOf(c)))) throw noJob();
    return c.body(null, 204);
  });

  app.get("/jobs/:id/events", async (c) => {
    const id = idOf(c);
    if (!(await queue.progressOf(id))) throw noJob();
    if (c.req.method === "HEAD") return c.body(null, 200, { "content-type": "text/event-stream" });
    // Its close would not be told any more, and its place never given back.
    if (c.env.outgoing.closed) throw hungUp();
    if (streams >= maxStreams) throw tooManyStreams();
    streams += 1;
    c.env.outgoing.once("close", () => {
      streams -= 1;
    });
    const serving = (): boolean => lifecycle.phase === "serving";
    return streamSSE(c, (stream) => followJob(stream, { queue, id, serving }));
  });
  return app;
};
