import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { PRECISIONS } from "../model/precision.ts";

const port = z.coerce.number().int().min(0).max(65535);
const seconds = z.coerce.number().min(0).max(3600);
const A_DAY = 24 * 3600;
const A_YEAR = 366 * A_DAY;
const count = z.coerce.number().int().min(1).max(1024);

/**
 * Images inside for each worker. Overloaded, four keep a worker busy, and are answered within 100 ms where it makes 60
 * images a second; not overloaded, a burst of more is queued and not refused.
 */
const SLOTS_A_WORKER = { sustained: 4, burst: 16 };

/** Every setting of the service, by the name of its environment variable. Durations are seconds. */
const schema = z.object({
  /** Model store, or one model's directory. */
  MODEL_DIR: z.string().min(1).default("artifacts/model"),
  /** Which of the model's files answers. Default: what model.json says. */
  PRECISION: z.enum(PRECISIONS).optional(),
  /** Address to listen on. Containers set 0.0.0.0. */
  HOST: z.string().min(1).default("127.0.0.1"),
  PORT: port.default(8080),
  /** Port of /metrics alone, which a NetworkPolicy can open for Prometheus only. */
  METRICS_PORT: port.default(9090),
  /** Worker threads. The default obeys CPU affinity and the container's CPU limit. */
  WORKERS: count.default(() => availableParallelism()),
  /** Images inside while the service is overloaded. Default: by the number of workers. */
  SLOTS: count.optional(),
  /** Images inside while it is not. Default: by the number of workers. */
  BURST_SLOTS: count.optional(),
  /** For an answer, after the body has arrived. */
  DEADLINE: seconds.default(2),
  BODY_TIMEOUT: seconds.default(10),
  /** After which a body that is still on its way waits without a slot; in one network it takes a few milliseconds. */
  SLOW_BODY: seconds.default(0.1),
  MAX_BODY_BYTES: z.coerce
    .number()
    .int()
    .min(1)
    .max(2 ** 30)
    .default(10 * 2 ** 20),
  /** Images in one tensor request: a worker computes them in one go, and others wait. */
  MAX_BATCH: count.default(8),
  /** Photos in a batch. */
  BATCH_MAX_FILES: count.default(50),
  /** Bytes of a batch; a photo of it has MAX_BODY_BYTES at most. */
  BATCH_MAX_BYTES: z.coerce
    .number()
    .int()
    .min(1)
    .max(2 ** 30)
    .default(32 * 2 ** 20),
  BATCH_BODY_TIMEOUT: seconds.default(60),
  /** Batches that wait or are computed; of those in Redis, by all replicas. */
  BATCH_MAX_JOBS: count.default(16),
  /** Attempts at a photo that fails through no fault of its own. */
  BATCH_ATTEMPTS: count.max(100).default(5),
  /** For which a finished batch's results are kept. */
  BATCH_RETENTION: z.coerce.number().int().min(1).max(A_YEAR).default(3600),
  /** Redis that keeps batches, so that they outlive the service. Default: they are in its memory. */
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  /** After which another replica goes on with the batch of one that has died. */
  BATCH_LEASE: seconds.min(1).default(10),
  /** Models that may be loaded at once, the one of /predict among them. */
  MAX_MODELS: count.max(64).default(3),
  /** Names of models of the store to load at the start beside the one of /predict, with commas between them. */
  LOAD_MODELS: z
    .string()
    .transform((names) => names.split(",").map((name) => name.trim()))
    .pipe(z.array(z.string().regex(/^[a-z0-9][a-z0-9-]*$/, "expected names with commas between")))
    .default([]),
  /** At least so long between two photos whose embedding is compared with training's; 0 for none. */
  DRIFT_EMBEDDING_INTERVAL: seconds.default(1),
  /** Where photos are kept for people to label. Default: none is kept. */
  SAMPLE_DIRECTORY: z.string().min(1).optional(),
  /** Share of the photos that is kept there. */
  SAMPLE_SHARE: z.coerce.number().min(0).max(1).default(0.01),
  SAMPLE_DAYS: z.coerce.number().positive().max(3650).default(30),
  SAMPLE_MEGABYTES: z.coerce.number().positive().max(1e6).default(1000),
  MODEL_POLL: seconds.default(2),
  DRAIN_DELAY: seconds.default(5),
  DRAIN_TIMEOUT: seconds.default(20),
  /** File with the hashes of the keys that may ask. Default: nobody needs a key. */
  API_KEYS_FILE: z.string().min(1).optional(),
  /** Requests a second that each client may keep up, by key or else by address. Default: as many as it likes. */
  RATE_LIMIT: z.coerce.number().positive().max(1e6).optional(),
  /** Requests that a client may send at once after a rest. Default: those of ten seconds. */
  RATE_BURST: z.coerce.number().int().min(1).max(1e6).optional(),
  /** Proxies in front of the service that add to X-Forwarded-For, so that it tells clients apart by it. */
  TRUSTED_PROXIES: z.coerce.number().int().min(0).max(10).default(0),
  /** Where traces go, of OpenTelemetry's variables the two that ask for traces. Default: there are none. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  /** How traces are sent: in one way only. */
  OTEL_EXPORTER_OTLP_PROTOCOL: z.literal("http/json").optional(),
  /** Threads of /process, started when it is first asked. */
  PROCESS_WORKERS: count.default(1),
  /** Directory with mvp.yaml, thresholds.yaml and categories.yaml, for /process. */
  PROCESS_CONFIG: z
    .string()
    .min(1)
    .default(fileURLToPath(new URL("../configs", import.meta.url))),
  /** ONNX file in the manner of U²-Net that finds the foreground for /process. Default: the model that serves does. */
  SEGMENTER_MODEL: z.string().min(1).optional(),
  /** Address of Prometheus, for the figures on /status. */
  PROMETHEUS_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** File with the panels of /status. */
  STATUS_PANELS: z.string().min(1).optional(),
  /** Directory for outputs that clients ask to keep. Default: none, and then nothing is kept. */
  STORAGE_DIR: z.string().min(1).optional(),
  /** Bucket of an S3-compatible server for them instead. Credentials are the AWS SDK's own: AWS_ACCESS_KEY_ID and so on. */
  STORAGE_S3_BUCKET: z.string().min(3).max(63).optional(),
  /** Address of a server that is not Amazon's. */
  STORAGE_S3_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  STORAGE_S3_REGION: z.string().min(1).default("us-east-1"),
  /** Begins the keys in the bucket. */
  STORAGE_S3_PREFIX: z
    .string()
    .regex(/^([\w.-]+\/)*$/, "a path that ends in a slash")
    .default("outputs/"),
  /** After which an output is forgotten. */
  STORAGE_RETENTION: z.coerce
    .number()
    .int()
    .min(1)
    .max(A_YEAR)
    .default(7 * A_DAY),
  /** For which a signed link opens; S3 signs for a week at most. */
  STORAGE_URL_TTL: z.coerce
    .number()
    .int()
    .min(1)
    .max(7 * A_DAY)
    .default(3600),
  /** Secret of the links into STORAGE_DIR, the same for all replicas. Default: made up, and gone with the process. */
  STORAGE_SIGNING_KEY: z.string().min(32).optional(),
  LOG_LEVEL: z.enum(["silent", "error", "warn", "info", "debug"]).default("info"),
});

/** And what holds between them. */
const checkedSchema = schema.refine(
  ({ STORAGE_DIR, STORAGE_S3_BUCKET }) => !STORAGE_DIR || !STORAGE_S3_BUCKET,
  { path: ["STORAGE_DIR"], error: "STORAGE_S3_BUCKET is set as well; take one of them" },
);

export type Settings = z.infer<typeof schema> & {
  readonly SLOTS: number;
  readonly BURST_SLOTS: number;
};

/** Settings whose value no message may show. */
const SECRETS: ReadonlySet<string> = new Set(["REDIS_URL", "STORAGE_SIGNING_KEY"]);

/** A setting that cannot be used. The message is one line that names it. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

/**
 * Reads the settings from the environment.
 *
 * @throws SettingsError
 */
export const readSettings = (env: NodeJS.ProcessEnv): Settings => {
  // A variable that is set to nothing counts as not set, as in a Compose file or a chart.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const result = checkedSchema.safeParse(given);
  if (result.success) {
    const { WORKERS, SLOTS = SLOTS_A_WORKER.sustained * WORKERS } = result.data;
    const { BURST_SLOTS = SLOTS_A_WORKER.burst * WORKERS } = result.data;
    return { ...result.data, SLOTS, BURST_SLOTS: Math.max(SLOTS, BURST_SLOTS) };
  }
  const [issue] = result.error.issues;
  const name = String(issue?.path[0]);
  const shown = SECRETS.has(name) ? name : `${name}=${env[name]}`;
  throw new SettingsError(`${shown} is not usable: ${issue?.message}.`);
};
