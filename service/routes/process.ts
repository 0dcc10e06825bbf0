import { type Context, Hono } from "hono";
import { accepts } from "hono/accepts";
import { ModelError } from "../../model/model-error.ts";
import { createGuard, type InferenceOptions, problemOf } from "../inference.ts";
import type { Metrics } from "../metrics.ts";
import type { ServiceEnv } from "../observe.ts";
import { ProblemError } from "../problem.ts";
import type { ProcessAnswer } from "../process/answer-schema.ts";
import type { ProcessConfig } from "../process/config.ts";
import type { Processor } from "../process/processor.ts";
import { readProcessQuery } from "../process/read-query.ts";
import { SettingsError } from "../settings.ts";
import { createKey, type Storage } from "../storage/storage.ts";
import { acceptUpload } from "../upload.ts";

export type ProcessOptions = Pick<
  InferenceOptions,
  "admission" | "lifecycle" | "body" | "slowBodies" | "deadlineSeconds"
> & {
  readonly processor: Processor;
  readonly config: ProcessConfig;
  readonly metrics: Pick<Metrics, "processIssues" | "processDuration">;
  /** @default none: pictures are not kept */
  readonly store?: Pick<Storage, "put" | "signedUrl">;
};

/** Name of the multipart part that holds the photo. */
const PART = "file";
const PNG = "image/png";
const JSON_TYPE = "application/json";

const problemOfProcessing = (error: unknown): ProblemError => {
  // What was trained before there were feature maps in model.json.
  if (error instanceof ModelError && error.code === "missing") {
    return new ProblemError("unsupported-model", error.message, { cause: error });
  }
  return problemOf(error);
};

/** The type that the client wants more; of both alike, JSON. */
const preferredType = (c: Context): string =>
  accepts(c, {
    header: "Accept",
    supports: [JSON_TYPE, PNG],
    default: JSON_TYPE,
    // Not Hono's own: it takes the first of two types that are wanted alike.
    match: (ranges) => {
      /** Of the ranges that take in a type the closest one counts (RFC 9110, 12.5.1). */
      const quality = (type: string): number => {
        const closestFirst = [type, type.replace(/[^/]+$/, "*"), "*/*"];
        const found = closestFirst.map((name) =>
          ranges.find((range) => range.type.toLowerCase() === name),
        );
        return found.find((range) => range !== undefined)?.q ?? 0;
      };
      return quality(PNG) > quality(JSON_TYPE) ? PNG : JSON_TYPE;
    },
  });

/** Keeps a picture. @returns a link that opens it for a while */
const keep = async (
  store: NonNullable<ProcessOptions["store"]>,
  picture: Uint8Array,
  signal: AbortSignal,
): Promise<string> => {
  const key = createKey("png");
  await store.put(key, picture, PNG, signal);
  return store.signedUrl(key);
};

/** What the work gives, unless the signal is aborted before: then its reason, at once, whatever becomes of the work. */
const orAborted = <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    // Before the work listens to the signal itself: its error would not say why.
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    work().then(resolve, reject);
  });

/** `POST /process`: a photo in, its foreground, quality and tags out. */
export const processRoute = (options: ProcessOptions): Hono<ServiceEnv> => {
  const { processor, config, lifecycle, metrics, store } = options;
  const guard = createGuard(options);
  if (config.mvp.export && !store) {
    throw new SettingsError(
      "mvp.yaml asks to keep every picture, but there is no store; set mvp.export to false, or STORAGE_DIR or STORAGE_S3_BUCKET.",
    );
  }
  const app = new Hono<ServiceEnv>();
  app.post("/process", async (c) => {
    const { steps, background } = readProcessQuery(c.req.query(), config, {
      keeps: store !== undefined,
      instead: `ask for one with Accept: ${PNG} instead of the step export`,
    });
    const kept = steps.includes("export");
    const wantsPng = preferredType(c) === PNG;
    try {
      const { result, url, model } = await guard(c.env, () => {
        const cut = acceptUpload(c.env.incoming.headers, PART);
        const { model, reference } = lifecycle;
        return {
          images: 1,
          ask: async (body, signal) => {
            if (!model || !reference) {
              throw new ProblemError("starting", "No model is loaded yet; try again soon.");
            }
            const stop = metrics.processDuration.startTimer();
            const request = { image: cut(body), steps, background, picture: kept || wantsPng };
            const result = await processor.process(request, reference, signal);
            stop();
            const { answer, picture } = result;
            for (const { code } of answer.qa.issues ?? []) metrics.processIssues.inc({ code });
            const url =
              kept && store && picture
                ? await orAborted(signal, () => keep(store, picture, signal))
                : null;
            return { result, url, model };
          },
        };
      });
      const { answer, picture } = result;
      if (wantsPng && picture) {
        const link = url === null ? {} : { "content-location": url };
        return c.body(picture, 200, { "content-type": PNG, vary: "accept", ...link });
      }
      const { name, version, digest } = model;
      const whole: ProcessAnswer = {
        ...answer,
        output_url: url,
        model: { name, version, digest },
      };
      return c.json(whole, 200, { vary: "accept" });
    } catch (error) {
      throw problemOfProcessing(error);
    }
  });
  return app;
};
