import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { publishModel } from "../../model/store.ts";
import { serveDuringTest } from "../../training/testing/http-server.ts";
import { colourImage, stubModel, type TestModel } from "../fixtures/models.ts";
import { type ServiceProcess, startServiceProcess } from "../fixtures/service-process.ts";

const CLI = resolve(import.meta.dirname, "../../training/cli/evaluate.ts");
let scratch: string;
let store: string;
let photos: string;
let model: TestModel;
let service: ServiceProcess;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "evaluate-"));
  store = join(scratch, "store");
  photos = join(scratch, "photos");
  model = await stubModel();
  await publishModel(store, model.files, model.digest);
  // To the stub, red is a cat and blue a dog: one of these four labels is wrong for it.
  for (const [file, colour] of [
    ["cats/1.jpg", "red"],
    ['cats/the "second", too.jpg', "red"],
    ["dogs/1.jpg", "blue"],
    ["dogs/2.jpg", "red"],
  ] as const) {
    await mkdir(resolve(photos, file, ".."), { recursive: true });
    await writeFile(join(photos, file), await colourImage(colour));
  }
  await writeFile(join(photos, "dogs/3.jpg"), "no picture");
  service = await startServiceProcess({ model: store });
  await service.serving(model.digest);
});
afterAll(async () => {
  await service.stop("SIGKILL");
  await rm(scratch, { recursive: true });
});

const csv = () => join(scratch, "answers.csv");
const run = (...args: string[]) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((done) => {
    const command = [CLI, "--out", csv(), ...args];
    execFile(process.execPath, command, { cwd: scratch }, (error, stdout, stderr) => {
      done({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });

describe("evaluating a deployed service", () => {
  it("judges a folder, writes every answer, and names what the service refused", async () => {
    const { code, stdout, stderr } = await run("--url", service.url, "--data", photos);
    expect(stderr).toMatch(/skipped 1 files that cannot be decoded:\n {2}dogs\/3\.jpg: /);
    expect(stdout).toMatch(/^accuracy 75\.00 % \(95 % interval .* on 4 pictures/);
    expect(stdout).toMatch(/latency p50 [\d.]+ ms, p99 [\d.]+ ms\nmodel sha256:[0-9a-f]{64}\n$/);
    expect(code).toBe(0);
    const lines = (await readFile(csv(), "utf8")).split("\r\n");
    expect(lines).toHaveLength(6);
    expect(lines[2]).toMatch(/^"cats\/the ""second"", too\.jpg",cat,cat,0\.9\d*,[\d.]+,sha256:/);
    expect(lines[4]).toMatch(/^dogs\/2\.jpg,dog,cat,0\.9\d*,[\d.]+,sha256:/);
  });

  it("fails below the accuracy that was asked for, with the answers written", async () => {
    await rm(csv(), { force: true });
    const bar = ["--min-accuracy", "0.8"];
    const { code, stdout, stderr } = await run("--url", service.url, "--data", photos, ...bar);
    expect(code).toBe(1);
    expect(stderr.trim().split("\n").at(-1)).toBe(
      `error: accuracy 75.00 % is below 80.00 %; ${csv()} has the wrong answers.`,
    );
    expect(stdout).toContain("accuracy 75.00 %");
    expect(await readFile(csv(), "utf8")).toContain("dogs/2.jpg,dog,cat");
  });

  it("judges the golden pictures of a store", async () => {
    const { code, stdout } = await run("--url", `${service.url}/`, "--golden", store, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ accuracy: 1, count: 2, skipped: 0, digests: [model.digest] },
      latency: { p50: expect.any(Number), p99: expect.any(Number) },
    });
  });

  it("counts golden pictures that the service refuses as wrong answers", async () => {
    const broken = join(scratch, "broken");
    const files = { ...model.files, "golden/blue.jpg": "no picture" };
    await publishModel(broken, files, model.digest);
    const bar = ["--min-accuracy", "0.8"];
    const { code, stdout, stderr } = await run("--url", service.url, "--golden", broken, ...bar);
    expect(code).toBe(1);
    expect(stderr).toMatch(/refused 1 pictures that can be decoded.*:\n {2}golden\/blue\.jpg: /);
    expect(stderr).toContain("accuracy 50.00 % is below 80.00 %");
    expect(stdout).toMatch(/^accuracy 50\.00 % \(95 % interval .* on 2 pictures/);
    expect(await readFile(csv(), "utf8")).toMatch(/^golden\/blue\.jpg,dog,,,,\r\n/m);
  });

  it("judges the test split that a training keeps back, without photos of anyone's", async () => {
    const drawn = ["--source", "sample", "--count", "60", "--seed", "3", "--json"];
    const { stdout, stderr } = await run("--url", service.url, ...drawn);
    expect(stderr).toContain("6 pictures, the test split of source sample, seed 3");
    expect(stderr, "the stub was trained with nothing of it").toContain(
      "note: this is not the split that the served model was trained with",
    );
    expect(JSON.parse(stdout)).toMatchObject({ count: 6, skipped: 0, refused: 0 });
    const files = (await readFile(csv(), "utf8")).match(/^(cat|dog)\.\d+\.png/gm);
    expect(files).toHaveLength(6);
  });

  it("counts refused pictures of the test split, too", async () => {
    let asked = 0;
    const probabilities = { cat: 1, dog: 0 };
    const answer = { label: "cat", probability: 1, probabilities, model: { digest: "sha256:1" } };
    // Its decoder broke behind the first picture.
    const base = await serveDuringTest((request, response) => {
      request.resume().on("end", () => {
        if (asked++ === 0) response.end(JSON.stringify(answer));
        else response.writeHead(422).end(JSON.stringify({ detail: "no picture" }));
      });
    });
    const drawn = ["--source", "sample", "--count", "60", "--seed", "3", "--json"];
    const { stdout } = await run("--url", base.href, ...drawn);
    expect(JSON.parse(stdout)).toMatchObject({ count: 6, skipped: 0, refused: 5 });
  });

  it.each([
    [
      "nobody answers",
      ["--url", "http://127.0.0.1:9"],
      /does not answer \(.*\); is the service up/,
    ],
    ["what is no URL", ["--url", "here"], /--url here is no URL/],
    ["a share above 1", ["--url", "http://x", "--min-accuracy", "95"], /a number from 0 to 1/],
    ["two sets", ["--url", "http://x", "--golden", "a", "--data", "b"], /cannot be used with/],
  ])("says in one line: %s", async (_, args, message) => {
    const { code, stderr, stdout } = await run(...args, "--count", "60");
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe("");
    expect(code).toBe(1);
  });
});
