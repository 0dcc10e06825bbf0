/*
 * Load from a process of its own: what it costs does not count as the server's, and a busy server cannot slow its clock.
 * Takes its task as a message, and answers with one.
 */
import { type Connection, openConnection } from "./connection.ts";
import { livezRequest, type Protocol, predictRequest, readPhotos } from "./upload-bodies.ts";

export type LoadTask = {
  readonly url: string;
  /** Directory of photos in class sub-folders; drawn ones without it. */
  readonly photos: string | undefined;
  /** @default "form" */
  readonly protocol?: Protocol | undefined;
} & (
  | { readonly kind: "closed"; readonly clients: number; readonly requests: number }
  | { readonly kind: "open"; readonly rate: number; readonly seconds: number }
);

/** One request: its status (0 for a socket error), when it was due and how long its answer took, in milliseconds. */
export type Sample = {
  readonly status: number;
  readonly at: number;
  readonly took: number;
  /** Whether it is the first one of a client of a closed loop: all of them come at once, as later none do. */
  readonly opening: boolean;
};

export type LoadResult = {
  readonly samples: readonly Sample[];
  /** /livez meanwhile, asked every 20 ms, milliseconds each. */
  readonly probes: readonly number[];
  readonly seconds: number;
  /** How late requests were sent, and how many cores this took: whether the generator is what was measured. */
  readonly generator: { readonly lateMs: readonly number[]; readonly cores: number };
};

/**
 * Connections of an open loop. Beyond them a request waits here until one is free, and that time counts as its answer's: a
 * server that falls behind is not met with ever more sockets, which would be this process's work more than the server's.
 */
const MAX_CONNECTIONS = 256;
const PROBE_EVERY_MS = 20;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const run = async (task: LoadTask): Promise<LoadResult> => {
  const requests = (await readPhotos(task.photos)).map((photo) =>
    predictRequest(photo, task.protocol),
  );
  const samples: Sample[] = [];
  const lateMs: number[] = [];
  const cpuBefore = process.cpuUsage();
  const begun = performance.now();
  let next = 0;

  /** Asks once, and gives a connection for the next time: another one when this one broke. */
  const ask = async (connection: Connection, due: number, opening = false): Promise<Connection> => {
    const request = requests[next++ % requests.length];
    if (!request) throw new Error("there are no photos to ask with");
    lateMs.push(performance.now() - due);
    const status = await connection.ask(request);
    samples.push({ status, at: due - begun, took: performance.now() - due, opening });
    return status === 0 ? openConnection(task.url) : connection;
  };

  const closed = async (clients: number, count: number): Promise<void> => {
    const one = async (): Promise<void> => {
      let connection = await ask(openConnection(task.url), performance.now(), true);
      while (next < count) connection = await ask(connection, performance.now());
      connection.close();
    };
    await Promise.all(Array.from({ length: clients }, one));
  };

  /** Asks at a fixed rate whatever comes back: a slow server does not lower what is offered. */
  const open = async (rate: number, seconds: number): Promise<void> => {
    const idle: Connection[] = [];
    const waiting: ((connection: Connection) => void)[] = [];
    let opened = 0;
    const take = async (): Promise<Connection> => {
      const connection = idle.pop();
      if (connection) return connection;
      if (opened === MAX_CONNECTIONS) return new Promise((resolve) => waiting.push(resolve));
      opened += 1;
      return openConnection(task.url);
    };
    const give = (connection: Connection): void => {
      const next = waiting.shift();
      if (next) next(connection);
      else idle.push(connection);
    };
    const asked: Promise<void>[] = [];
    for (let i = 0; i < rate * seconds; i++) {
      const due = begun + (i * 1000) / rate;
      const early = due - performance.now();
      if (early > 0) await sleep(early);
      asked.push(
        take()
          .then((connection) => ask(connection, due))
          .then(give),
      );
    }
    await Promise.all(asked);
    for (const connection of idle) connection.close();
  };

  const probes: number[] = [];
  let probing = true;
  const probe = async (): Promise<void> => {
    const connection = openConnection(task.url);
    const request = livezRequest(task.protocol);
    while (probing) {
      const started = performance.now();
      await connection.ask(request);
      const took = performance.now() - started;
      probes.push(took);
      await sleep(Math.max(0, PROBE_EVERY_MS - took));
    }
    connection.close();
  };

  const probed = probe();
  if (task.kind === "closed") await closed(task.clients, task.requests);
  else await open(task.rate, task.seconds);
  const seconds = (performance.now() - begun) / 1000;
  probing = false;
  const { user, system } = process.cpuUsage(cpuBefore);
  const cores = (user + system) / 1e6 / seconds;
  await probed;
  return { samples, probes, seconds, generator: { lateMs, cores } };
};

process.once("message", (task: LoadTask) => {
  run(task).then(
    (result) => process.send?.(result, () => process.disconnect()),
    (error: unknown) => {
      process.stderr.write(`${error}\n`);
      process.exit(1);
    },
  );
});
