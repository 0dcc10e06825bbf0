import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import { z } from "zod";
import { wrongAnswer } from "../model/golden.ts";
import type { Golden } from "../model/metadata.ts";
import { atPrecision } from "../model/precision.ts";
import { readMetadata, resolveModel } from "../model/store.ts";

const REQUEST_TIMEOUT_MS = 10_000;

/** The key, where the service asks for one. */
const KEY = process.env["API_KEY"];

type Options = { readonly url: string; readonly model: string; readonly timeout: string };

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
const awaitReady = async (base: URL, digest: string, seconds: number): Promise<void> => {
  const until = performance.now() + seconds * 1000;
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

const checkImage = async (base: URL, directory: string, golden: Golden, digest: string) => {
  const form = new FormData();
  const bytes = await readFile(join(directory, golden.file));
  form.set("image", new Blob([bytes]), golden.file);
  const response = await request(new URL("predict", base), {
    method: "POST",
    body: form,
    headers: KEY ? { authorization: `Bearer ${KEY}` } : {},
  });
  const text = await response.text();
  const wrong = (what: string): SmokeTestError =>
    new SmokeTestError(`${golden.file}: ${what}; the service answers wrongly.`);
  if (response.status !== 200) throw wrong(`HTTP ${response.status} ${text.slice(0, 300)}`);
  const answer = answerSchema.parse(JSON.parse(text));
  const fault = wrongAnswer(golden, answer);
  if (fault) throw wrong(fault);
  if (answer.model.digest !== digest) throw wrong(`model ${answer.model.digest}, not ${digest}`);
  say(`ok ${golden.file} is a ${answer.label} (${answer.probability.toFixed(4)})`);
};

const run = async ({ url, model, timeout }: Options): Promise<void> => {
  const base = new URL(url.endsWith("/") ? url : `${url}/`);
  const { directory, digest } = await resolveModel(model);
  const { golden } = atPrecision(await readMetadata(directory));
  if (golden.length === 0) {
    throw new SmokeTestError(`${directory} has no golden images to ask about; train again.`);
  }
  await awaitReady(base, digest, Number(timeout));
  for (const image of golden) await checkImage(base, directory, image, digest);
  say(`passed: ${golden.length} images, model ${digest}`);
};

new Command("smoke-test")
  .description(
    "Asks a running service about the model's golden images; fails on the first wrong answer.",
  )
  .requiredOption("--url <url>", "where the service answers, such as http://127.0.0.1:8080")
  .requiredOption("--model <dir>", "model store or model directory that it serves")
  .option("--timeout <seconds>", "how long to wait until it is ready", "120")
  .action(run)
  .parseAsync()
  .catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`smoke test failed: ${message.replaceAll("\n", " ")}\n`);
    process.exitCode = 1;
  });
