import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Command, Option } from "commander";
import { z } from "zod";
import { wrongAnswer } from "../model/golden.ts";
import type { Golden } from "../model/metadata.ts";
import { atPrecision, PRECISIONS, type Precision } from "../model/precision.ts";
import { readMetadata, resolveModel } from "../model/store.ts";

const REQUEST_TIMEOUT_MS = 10_000;
/** Too often or too many at once, starting or draining: the same picture is answered a little later. */
const TRANSIENT = [429, 503];
const DEFAULT_WAIT_MS = 1_000;

/** The key, where the service asks for one. */
const KEY = process.env["API_KEY"];

type Options = {
  readonly url: string;
  readonly model: string;
  readonly precision?: Precision;
  readonly timeout: string;
};

/** How long all waiting may take together. */
type Patience = { readonly seconds: number; readonly until: number };

const healthSchema = z.object({ status: z.string(), model: z.object({ digest: z.string() }) });
const answerSchema = z.object({
  label: z.string(),
  probability: z.number(),
  probabilities: z.record(z.string(), z.number()),
  model: z.object({ digest: z.string() }),
});

/** A wrong answer. The message is one line. */
class SmokeTestError extends Error {
  override readonly name = "SmokeTestError";
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const request = (url: URL, init: RequestInit = {}): Promise<Response> =>
  fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });

/** Awaits /readyz and the digest that the store offers: a model just published is taken up within seconds. */
const awaitReady = async (
  base: URL,
  digest: string,
  { seconds, until }: Patience,
): Promise<void> => {
  let last = "no answer";
  for (;;) {
    try {
      const ready = await request(new URL("readyz", base));
      const health = await request(new URL("health", base));
      const body: unknown = await health.json();
      const seen = healthSchema.safeParse(body);
      if (ready.ok && seen.success && seen.data.model.digest === digest) break;
      last = seen.success
        ? `status ${seen.data.status}, model ${seen.data.model.digest}`
        : `HTTP ${health.status} ${JSON.stringify(body)}`;
    } catch (error) {
      last =
        error instanceof Error ? `${error.message} ${error.cause ?? ""}`.trim() : String(error);
    }
    if (performance.now() > until) {
      throw new SmokeTestError(
        `${base.href} did not serve ${digest} within ${seconds} s (last: ${last}); look at the service's log.`,
      );
    }
    await sleep(500);
  }
  say(`ok ready, serving ${digest}`);
};

/** Milliseconds that `Retry-After` asks for; this service writes seconds. */
const waitOf = ({ headers }: Response): number =>
  Number(headers.get("retry-after")) * 1000 || DEFAULT_WAIT_MS;

/** Sends a picture, again after a refusal that passes: a rate limit holds for this test, too. */
const predict = async (
  base: URL,
  body: FormData,
  { seconds, until }: Patience,
): Promise<{ readonly status: number; readonly text: string }> => {
  const headers: Record<string, string> = KEY ? { authorization: `Bearer ${KEY}` } : {};
  for (;;) {
    const response = await request(new URL("predict", base), { method: "POST", body, headers });
    const { status } = response;
    const text = await response.text();
    if (!TRANSIENT.includes(status)) return { status, text };
    const wait = waitOf(response);
    if (performance.now() + wait > until) {
      throw new SmokeTestError(
        `${base.href} did not answer all pictures within ${seconds} s (last: HTTP ${status} ${text.slice(0, 300)}); look at its load and its rate limit.`,
      );
    }
    await sleep(wait);
  }
};

const checkImage = async (
  base: URL,
  directory: string,
  golden: Golden,
  digest: string,
  patience: Patience,
): Promise<void> => {
  const form = new FormData();
  const bytes = await readFile(join(directory, golden.file));
  form.set("image", new Blob([bytes]), golden.file);
  const { status, text } = await predict(base, form, patience);
  const wrong = (what: string): SmokeTestError =>
    new SmokeTestError(`${golden.file}: ${what}; the service answers wrongly.`);
  if (status !== 200) throw wrong(`HTTP ${status} ${text.slice(0, 300)}`);
  const answer = answerSchema.parse(JSON.parse(text));
  const fault = wrongAnswer(golden, answer);
  if (fault) throw wrong(fault);
  if (answer.model.digest !== digest) throw wrong(`model ${answer.model.digest}, not ${digest}`);
  say(`ok ${golden.file} is a ${answer.label} (${answer.probability.toFixed(4)})`);
};

const run = async ({ url, model, precision, timeout }: Options): Promise<void> => {
  const base = new URL(url.endsWith("/") ? url : `${url}/`);
  const { directory, digest } = await resolveModel(model, precision);
  const { golden } = atPrecision(await readMetadata(directory), precision);
  if (golden.length === 0) {
    throw new SmokeTestError(`${directory} has no golden images to ask about; train again.`);
  }
  const seconds = Number(timeout);
  const patience = { seconds, until: performance.now() + seconds * 1000 };
  await awaitReady(base, digest, patience);
  for (const image of golden) await checkImage(base, directory, image, digest, patience);
  say(`passed: ${golden.length} images, model ${digest}`);
};

new Command("smoke-test")
  .description(
    "Asks a running service about the model's golden images; fails on the first wrong answer.",
  )
  .requiredOption("--url <url>", "where the service answers, such as http://127.0.0.1:8080")
  .requiredOption("--model <dir>", "model store or model directory that it serves")
  .addOption(
    new Option(
      "--precision <name>",
      "what it was told to serve, else what model.json says",
    ).choices(PRECISIONS),
  )
  .option("--timeout <seconds>", "how long to wait until it is ready, and while it is busy", "120")
  .action(run)
  .parseAsync()
  .catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`smoke test failed: ${message.replaceAll("\n", " ")}\n`);
    process.exitCode = 1;
  });
