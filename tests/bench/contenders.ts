import { askOnce, askProcess, forkProgram } from "./ask.ts";
import type { CeilingTask } from "./in-process.ts";
import type { LoadResult, LoadTask } from "./load-generator.ts";
import { type ServerKind, startServer } from "./servers.ts";

/** What a contender did in one slice: a short closed loop of requests. */
export type Slice = {
  /** Good answers a second. */
  readonly rate: number;
  /**
   * Milliseconds of each good answer but each client's first; nothing where there is no HTTP. With those a tail would be that
   * of all clients' beginning at once, which many short slices do more often than one long loop.
   */
  readonly took: readonly number[];
  /** Milliseconds of each /livez meanwhile. */
  readonly probes: readonly number[];
  /** Requests without a good answer. */
  readonly failed: number;
};

/** Something that answers images, running and idle between its slices. */
export type Contender = {
  readonly name: string;
  readonly url: string;
  /** @param photos directory of others than it usually gets */
  slice(clients: number, requests: number, photos?: string): Promise<Slice>;
  memory(): Promise<number>;
  stop(): Promise<unknown>;
};

/** Times of the answers with a status, milliseconds. */
export const timesOf = ({ samples }: Pick<LoadResult, "samples">, status: number): number[] =>
  samples.filter((sample) => sample.status === status).map((sample) => sample.took);

/** Puts load on a server, from a process of its own. */
export const load = (task: LoadTask): Promise<LoadResult> => askOnce("load-generator.ts", task);

/** Starts a server as a contender. */
export const startContender = async (
  kind: ServerKind,
  photo: Buffer,
  photos: string | undefined,
): Promise<Contender> => {
  const { url, memory, stop } = await startServer(kind, photo);
  const { protocol } = kind;
  const slice: Contender["slice"] = async (clients, requests, others = photos) => {
    const result = await load({ kind: "closed", url, protocol, photos: others, clients, requests });
    const { samples, seconds, probes } = result;
    const good = timesOf(result, 200).length;
    const steady = samples.filter(({ opening }) => !opening);
    const took = timesOf({ samples: steady }, 200);
    return { rate: good / seconds, took, probes, failed: samples.length - good };
  };
  return { name: kind.name, url, slice, memory, stop };
};

/** Starts the pipeline without HTTP as a contender. */
export const startCeiling = async (
  model: string,
  photos: string | undefined,
): Promise<Pick<Contender, "name" | "slice" | "stop">> => {
  const child = forkProgram("in-process.ts");
  const ask = (task: CeilingTask): Promise<number> => askProcess(child, task);
  await ask({ kind: "start", model, photos });
  return {
    name: "ceiling",
    slice: async (clients, requests) => ({
      rate: await ask({ kind: "measure", images: requests, inFlight: clients }),
      took: [],
      probes: [],
      failed: 0,
    }),
    stop: async () => {
      child.disconnect();
    },
  };
};
