/*
 * Load from a process of its own: what it costs does not count as the server's, and a busy server cannot slow its clock.
 * Takes its task as a message, and answers with one.
 */
import { Client } from "undici";
import { FORM_TYPE, formBody, readPhotos } from "./upload-bodies.ts";

export type LoadTask = {
  readonly url: string;
  /** Directory of photos in class sub-folders; drawn ones without it. */
  readonly photos: string | undefined;
} & (
  | { readonly kind: "closed"; readonly clients: number; readonly requests: number }
  | { readonly kind: "open"; readonly rate: number; readonly seconds: number }
);

/** One request: its status (0 for a socket error), when it was due and how long its answer took, in milliseconds. */
export type Sample = { readonly status: number; readonly at: number; readonly took: number };

export type LoadResult = {
  readonly samples: readonly Sample[];
  /** /livez meanwhile, asked every 10 ms, milliseconds each. */
  readonly probes: readonly number[];
  readonly seconds: number;
};

const PROBE_EVERY_MS = 10;

const run = async (task: LoadTask): Promise<LoadResult> => {
  const bodies = (await readPhotos(task.photos)).map(formBody);
  const headers = { "content-type": FORM_TYPE };
  const samples: Sample[] = [];
  const begun = performance.now();
  let next = 0;

  const ask = async (client: Client, due: number): Promise<void> => {
    const body = bodies[next++ % bodies.length] ?? null;
    let status = 0;
    try {
      const response = await client.request({ method: "POST", path: "/predict", headers, body });
      await response.body.dump();
      status = response.statusCode;
    } catch {
      // Counted as status 0.
    }
    samples.push({ status, at: due - begun, took: performance.now() - due });
  };

  const closed = async (clients: number, requests: number): Promise<void> => {
    const one = async (): Promise<void> => {
      const client = new Client(task.url, { pipelining: 1 });
      while (next < requests) await ask(client, performance.now());
      await client.close();
    };
    await Promise.all(Array.from({ length: clients }, one));
  };

  /** Asks at a fixed rate whatever comes back: a slow server does not lower what is offered. */
  const open = async (rate: number, seconds: number): Promise<void> => {
    const idle: Client[] = [];
    const asked: Promise<void>[] = [];
    for (let i = 0; i < rate * seconds; i++) {
      const due = begun + (i * 1000) / rate;
      const early = due - performance.now();
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
      const client = idle.pop() ?? new Client(task.url, { pipelining: 1 });
      asked.push(ask(client, due).then(() => void idle.push(client)));
    }
    await Promise.all(asked);
    await Promise.all(idle.map((client) => client.close()));
  };

  const probes: number[] = [];
  let probing = true;
  const probe = async (): Promise<void> => {
    const client = new Client(task.url);
    while (probing) {
      const started = performance.now();
      const response = await client.request({ method: "GET", path: "/livez" });
      await response.body.dump();
      const took = performance.now() - started;
      probes.push(took);
      if (took < PROBE_EVERY_MS) await new Promise((r) => setTimeout(r, PROBE_EVERY_MS - took));
    }
    await client.close();
  };

  const probed = probe();
  if (task.kind === "closed") await closed(task.clients, task.requests);
  else await open(task.rate, task.seconds);
  const seconds = (performance.now() - begun) / 1000;
  probing = false;
  await probed;
  return { samples, probes, seconds };
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
