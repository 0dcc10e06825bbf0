import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Trained } from "../train.ts";
import { describeTraining } from "./describe-training.ts";
import { createMlflowClient, type MlflowClient } from "./mlflow-client.ts";
import { forgetRecord, keepRecord, keptRecords } from "./run-record.ts";
import { sendRecord } from "./send-record.ts";

/** Where trainings are tracked. */
export type TrackingOptions = {
  /** Address of an MLflow server. */
  readonly url: string;
  /** Where a run is kept until the server has it. */
  readonly copies: string;
  /**
   * Milliseconds that one request is tried for.
   *
   * @default 180,000: a server that crashed is back by then, also on a busy machine; on a quiet one it starts in half a minute
   */
  readonly patience?: number;
};

const PATIENCE_MS = 180_000;

/** Takes one line for people. */
type Say = (line: string) => void;

const sendAll = async (client: MlflowClient, copies: string, say: Say): Promise<void> => {
  for (const kept of await keptRecords(copies)) {
    const { version, champion, reason } = await sendRecord(client, kept);
    await forgetRecord(kept);
    const role = champion ? ", the champion" : `; ${reason}`;
    const { name } = kept.record.model;
    say(`tracking: ${client.url} has run ${kept.record.name}: ${name} version ${version}${role}`);
  }
};

/**
 * Sends the runs that were kept, the oldest first.
 *
 * @throws TrackingError when the server does not answer or refuses; what it has is no longer kept
 */
export const sendKept = async (
  { url, copies, patience = PATIENCE_MS }: TrackingOptions,
  say: Say,
): Promise<void> => sendAll(createMlflowClient(url, { patience }), copies, say);

const readFigures = async (directory: string): Promise<Record<string, Uint8Array>> => {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".png"));
  const files = await Promise.all(names.map((name) => readFile(join(directory, name))));
  return Object.fromEntries(names.map((name, i) => [`figures/${name}`, files[i] ?? Buffer.of()]));
};

/**
 * Tracks a training: keeps it on disk, then sends it, after any that were kept before. Never fails: what went wrong is one
 * line, and the training counts all the same.
 *
 * @param figures directory of the training's figures
 * @param times milliseconds since 1970
 */
export const trackTraining = async (
  options: TrackingOptions,
  trained: Trained,
  figures: string,
  times: { readonly start: number; readonly end: number },
  say: Say,
): Promise<void> => {
  const { copies } = options;
  try {
    const model = Object.fromEntries(
      Object.entries(trained.files).map(([path, bytes]) => [`model/${path}`, bytes]),
    );
    const files = { ...model, ...(await readFigures(figures)) };
    await keepRecord(copies, describeTraining(trained, times, Object.keys(files)), files);
  } catch (error) {
    say(
      `tracking: the run could not be kept in ${copies} (${messageOf(error)}) and is not tracked`,
    );
    return;
  }
  try {
    await sendKept(options, say);
  } catch (error) {
    say(
      `tracking: ${messageOf(error)}; the run is kept in ${copies} and sent with the next training, or by \`npm run -s track\``,
    );
  }
};

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, " ");
