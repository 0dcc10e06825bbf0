import { Agent, fetch } from "undici";
import { createRandom } from "../../training/random.ts";
import { drawSeeds, mutatedUpload } from "./mutate.ts";

export type FuzzOptions = {
  /** The service. */
  readonly url: string;
  /** Bodies to send. */
  readonly count: number;
  /** The same seed sends the same bodies. */
  readonly seed: number;
  /** Requests under way at once. @default 4 */
  readonly clients?: number;
};

/** What the service made of the bodies. */
export type FuzzReport = {
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Answers that no body may cause: 5xx, none at all, and errors that are no problem JSON; by the body's number. */
  readonly failures: readonly string[];
};

/** Sends mutated pictures and forms to `/predict`. */
export const fuzzUploads = async (options: FuzzOptions): Promise<FuzzReport> => {
  const { url, count, seed, clients = 4 } = options;
  const seeds = await drawSeeds();
  const statuses: Record<string, number> = {};
  const failures: string[] = [];
  const dispatcher = new Agent({ connections: clients, pipelining: 1 });

  const send = async (index: number): Promise<void> => {
    // Each body by its own number, whoever sends it.
    const { type, body } = mutatedUpload(createRandom("fuzz", seed, index), seeds);
    try {
      const headers = { "content-type": type };
      const answer = await fetch(`${url}/predict`, { method: "POST", body, headers, dispatcher });
      const text = await answer.text();
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      const isProblem = answer.headers.get("content-type") === "application/problem+json";
      if (answer.status >= 500 || (!answer.ok && !isProblem)) {
        failures.push(`${index}: ${answer.status} ${text.slice(0, 200)}`);
      }
    } catch (error) {
      failures.push(`${index}: ${String((error as Error).cause ?? error)}`);
    }
  };

  let next = 0;
  const client = async (): Promise<void> => {
    while (next < count) await send(next++);
  };
  await Promise.all(Array.from({ length: clients }, client));
  await dispatcher.close();
  return { statuses, failures };
};
