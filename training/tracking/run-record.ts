import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../../model/write-atomic.ts";

const metricSchema = z.strictObject({
  key: z.string(),
  value: z.number(),
  step: z.int(),
  /** Milliseconds since 1970. */
  timestamp: z.int(),
});

const recordSchema = z.strictObject({
  /** Another one for every training: by it a run that is half in MLflow is found again. */
  id: z.string().regex(/^[\w-]+$/),
  experiment: z.string(),
  name: z.string(),
  /** Milliseconds since 1970. */
  startTime: z.int(),
  endTime: z.int(),
  params: z.record(z.string(), z.string()),
  metrics: z.array(metricSchema),
  tags: z.record(z.string(), z.string()),
  /** Paths below the record's directory of files. */
  artifacts: z.array(z.string()),
  /** What is registered, and what it is compared by. */
  model: z.strictObject({
    name: z.string(),
    digest: z.string(),
    splitDigest: z.string(),
    accuracy: z.number(),
    logLoss: z.number(),
  }),
});

/** Everything about one training that MLflow is told. */
export type RunRecord = z.infer<typeof recordSchema>;
export type Metric = z.infer<typeof metricSchema>;

/** A record on disk. */
export type KeptRecord = {
  readonly record: RunRecord;
  readonly directory: string;
};

const RECORD_FILE = "run.json";

/** Path of one of a record's files. */
export const artifactPath = (directory: string, artifact: string): string =>
  join(directory, "artifacts", ...artifact.split("/"));

/** Keeps a record with its files in a directory of its own; `run.json` comes last, so that what has one is complete. */
export const keepRecord = async (
  parent: string,
  record: RunRecord,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<KeptRecord> => {
  const directory = join(parent, record.id);
  for (const [path, bytes] of Object.entries(files)) {
    await writeFileAtomic(artifactPath(directory, path), bytes);
  }
  await writeFileAtomic(join(directory, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
  return { record, directory };
};

/** The complete records of a directory, the oldest first; none when there is no directory. */
export const keptRecords = async (parent: string): Promise<readonly KeptRecord[]> => {
  const names = await readdir(parent).catch(() => []);
  const kept: KeptRecord[] = [];
  for (const name of names) {
    const directory = join(parent, name);
    const text = await readFile(join(directory, RECORD_FILE), "utf8").catch(() => undefined);
    if (text !== undefined) kept.push({ record: recordSchema.parse(JSON.parse(text)), directory });
  }
  return kept.sort((a, b) => a.record.startTime - b.record.startTime);
};

/** Forgets a record that MLflow has. */
export const forgetRecord = ({ directory }: KeptRecord): Promise<void> =>
  rm(directory, { recursive: true, force: true });
