/*
 * Measures what a user of the platform waits for and gets: accuracy on real photos, the time of `make up`, the size of the
 * service's image. The platform is taken down, with what its volumes hold, and up again; it runs afterwards.
 *
 *   node tests/bench/platform.ts [--cold]     --cold: also from a fresh clone with empty caches (about half an hour)
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { writeFileAtomic } from "../../model/write-atomic.ts";
import { make, type Outcome, repository, start } from "../e2e/support.ts";
import { spreadOf } from "./statistics.ts";

const PETS = resolve(repository, "../shared/data/pets");
const OUTPUT = join(repository, "artifacts/bench/platform.json");

type Row = { readonly figure: string; readonly reach: string; readonly value: string };

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** What is being measured: each takes a minute or more. */
const announce = (what: string): void => {
  process.stderr.write(`measuring ${what} …\n`);
};

const must = async (outcome: Promise<Outcome>): Promise<string> => {
  const { code, stdout, stderr } = await outcome;
  if (code !== 0) throw new Error(`a command failed:\n${stdout}\n${stderr}`);
  return stdout;
};

const npm = (...args: string[]): Promise<string> =>
  must(start("npm", ["run", "-s", ...args]).ended);

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = Date.now();
  await work();
  return (Date.now() - begun) / 1000;
};

const judge = async (model: string, data: string): Promise<number> =>
  (
    JSON.parse(await npm("judge", "--", "--model", model, "--data", data, "--json")) as {
      readonly accuracy: number;
    }
  ).accuracy;

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** Every second photo of each class into one folder, the others into another. */
const halve = (directory: string): readonly [string, string] => {
  const halves = [join(directory, "a"), join(directory, "b")] as const;
  for (const label of readdirSync(PETS)) {
    for (const half of halves) mkdirSync(join(half, label), { recursive: true });
    for (const [index, file] of readdirSync(join(PETS, label)).sort().entries()) {
      cpSync(join(PETS, label, file), join(halves[index % 2 === 0 ? 0 : 1], label, file));
    }
  }
  return halves;
};

const accuracy = async (work: string): Promise<Row[]> => {
  if (!existsSync(PETS)) {
    say("accuracy on real photos: skipped, ../shared/data/pets is absent");
    return [];
  }
  announce("accuracy on photos");
  const outputs = (name: string): string[] =>
    ["out", "splits", "figures"].flatMap((kind) => [`--${kind}`, join(work, name, kind)]);
  const halves = halve(work);
  const found: number[] = [];
  for (const [train, test] of [halves, halves.toReversed()]) {
    if (!train || !test) continue;
    const name = `on-${train.at(-1)}`;
    await npm(
      "train",
      "--",
      "--source",
      "folder",
      "--data",
      train,
      "--seed",
      "42",
      ...outputs(name),
    );
    found.push(await judge(join(work, name, "out"), test));
  }
  await npm("train", "--", "--source", "sample", "--seed", "42", ...outputs("sample"));
  const { median, low, high } = spreadOf(found);
  return [
    {
      figure: "accuracy, trained on half of the photos, on the other half",
      reach: ">= 98.5 %",
      value: `${percent(median)} (${percent(low)} to ${percent(high)})`,
    },
    {
      figure: "accuracy of the default model on all photos",
      reach: ">= 98.0 %",
      value: percent(await judge(join(work, "sample", "out"), PETS)),
    },
  ];
};

const times = async (): Promise<Row[]> => {
  announce("make up, with nothing running and then unchanged");
  await must(make("down"));
  const warm = await seconds(() => must(make("up")));
  const unchanged: number[] = [];
  for (let i = 0; i < 3; i++) unchanged.push(await seconds(() => must(make("up"))));
  const { median, low, high } = spreadOf(unchanged);
  return [
    { figure: "make up, nothing running", reach: "<= 120 s", value: `${warm.toFixed(0)} s` },
    {
      figure: "make up, nothing changed",
      reach: "<= 15 s",
      value: `${median.toFixed(1)} s (${low.toFixed(1)} to ${high.toFixed(1)})`,
    },
  ];
};

const imageSize = async (): Promise<Row> => {
  const image = /serviceImage: "([^"]+)"/.exec(await must(make("up")))?.[1] ?? "";
  const [, path, digest] = /^[^/]+\/([^:]+):[^@]+@(.+)$/.exec(image) ?? [];
  const answer = await fetch(`http://127.0.0.1:5601/v2/${path}/manifests/${digest}`, {
    headers: { accept: "application/vnd.docker.distribution.manifest.v2+json" },
  });
  const { layers } = (await answer.json()) as { readonly layers: readonly { size: number }[] };
  const bytes = layers.reduce((sum, { size }) => sum + size, 0);
  return {
    figure: "image of the service, compressed",
    reach: "<= 150 MB",
    value: `${(bytes / 1e6).toFixed(0)} MB`,
  };
};

/** As a new user: a clone, and no cache of this project, Go, npm or pip. */
const cold = async (work: string): Promise<Row> => {
  announce("make up from a fresh clone with empty caches");
  const clone = join(work, "clone");
  await must(start("git", ["clone", "--quiet", repository, clone]).ended);
  await must(make("down"));
  const caches = Object.fromEntries(
    ["XDG_CACHE_HOME", "XDG_STATE_HOME", "GOCACHE", "GOMODCACHE", "npm_config_cache"].map(
      (name) => [name, join(work, "empty", name)],
    ),
  );
  const there = (target: string): Promise<string> =>
    must(start("make", ["--directory", clone, target], caches).ended);
  const took = await seconds(() => there("up"));
  await there("down");
  return { figure: "make up, cold", reach: "<= 20 min", value: `${(took / 60).toFixed(1)} min` };
};

const options = new Command("bench-platform")
  .option("--cold", "also measure from a fresh clone with empty caches")
  .parse()
  .opts<{ cold?: boolean }>();

const work = mkdtempSync(join(tmpdir(), "bench-platform-"));
try {
  const rows: Row[] = [];
  if (options.cold) rows.push(await cold(work));
  rows.push(...(await times()), await imageSize(), ...(await accuracy(work)));
  for (const { figure, reach, value } of rows) {
    say(`${figure.padEnd(62)}${value.padEnd(34)}${reach}`);
  }
  await writeFileAtomic(OUTPUT, `${JSON.stringify({ when: new Date(), rows }, null, 2)}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
