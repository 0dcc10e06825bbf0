import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Agent, fetch as undiciFetch } from "undici";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { modelDirectory, publishModel, writeModel } from "../../model/store.ts";
import { colourImage, stubModel, type TestModel } from "../fixtures/models.ts";
import { type ServiceProcess, startServiceProcess } from "../fixtures/service-process.ts";

/** Awaits a condition, for as long as a busy machine may need. */
const eventually = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: 15_000 });

const ROOT = resolve(import.meta.dirname, "../..");
let directory: string;
const running = new Set<ServiceProcess>();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "service-"));
});
afterEach(async () => {
  for (const service of running) {
    if (service.process.exitCode === null) await service.stop("SIGKILL");
  }
  running.clear();
  await rm(directory, { recursive: true });
});

const start = async (env: Record<string, string> = {}): Promise<ServiceProcess> => {
  const service = await startServiceProcess({ model: directory, env });
  running.add(service);
  return service;
};
const publish = (model: TestModel) => publishModel(directory, model.files, model.digest);
const statusOf = async (service: ServiceProcess, path: string) =>
  (await fetch(service.url + path)).status;
const digestOf = async (service: ServiceProcess) =>
  ((await (await fetch(`${service.url}/health`)).json()) as { model: { digest: string } }).model
    .digest;
const predict = async (service: ServiceProcess, image: Uint8Array) => {
  const response = await fetch(`${service.url}/predict`, {
    method: "POST",
    body: new Uint8Array(image),
    headers: { "content-type": "image/jpeg" },
  });
  return { response, body: (await response.json()) as Record<string, unknown> };
};

/** Runs a program of the service to its end. */
const run = async (file: string, args: readonly string[], env: Record<string, string> = {}) => {
  const child = spawn(process.execPath, [resolve(ROOT, "service", file), ...args], {
    env: { ...process.env, ...env },
  });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const [code] = (await once(child, "close")) as [number];
  return { code, output, errors };
};

/** Clients that ask over and over on connections of their own, until told to stop or to move away. */
const load = (service: ServiceProcess, image: Uint8Array, clients: number) => {
  let stopped = false;
  const outcomes: (number | string)[] = [];
  const digests = new Set<unknown>();
  const client = async (): Promise<void> => {
    const dispatcher = new Agent({ connections: 1, pipelining: 1 });
    for (let moved = false; !stopped && !moved; ) {
      try {
        const response = await undiciFetch(`${service.url}/predict`, {
          method: "POST",
          body: image,
          headers: { "content-type": "image/jpeg" },
          dispatcher,
        });
        const body = (await response.json()) as { model?: { digest: string } };
        digests.add(body.model?.digest);
        outcomes.push(response.status);
        moved = response.headers.get("connection") === "close";
      } catch (error) {
        outcomes.push(String((error as Error).cause ?? error));
        moved = true;
      }
    }
    await dispatcher.close();
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  return {
    outcomes,
    digests,
    finished: all,
    stop: () => {
      stopped = true;
      return all;
    },
  };
};
const answered = (count: number, outcomes: readonly unknown[]) =>
  eventually(() => expect(outcomes.length).toBeGreaterThanOrEqual(count));

describe("the model", () => {
  it("may come after the start: alive, not ready, 503 until then", async () => {
    const service = await start();
    await service.logged((line) => /is missing; train a model first/.test(line.msg));
    expect(await statusOf(service, "/livez")).toBe(200);
    expect(await statusOf(service, "/readyz")).toBe(503);
    const image = await colourImage("red");
    const early = await predict(service, image);
    expect(early.response.status).toBe(503);
    expect(early.response.headers.get("retry-after")).toBe("1");

    await publish(await stubModel());
    await service.serving();
    expect(await statusOf(service, "/readyz")).toBe(200);
    expect((await predict(service, image)).body).toMatchObject({ label: "cat" });
  });

  it("may be one model's directory instead of a store", async () => {
    const model = await stubModel();
    await writeModel(directory, model.files);
    const service = await start();
    await service.serving(model.digest);
  });

  const bad: readonly (readonly [string, string, (good: TestModel) => Promise<void>])[] = [
    [
      "is missing",
      "missing",
      (good) =>
        writeFile(
          join(directory, "current.json"),
          JSON.stringify({ digest: good.digest.replace(/.$/, (d) => (d === "0" ? "1" : "0")) }),
        ),
    ],
    [
      "has another digest than it says",
      "digest-mismatch",
      async () => {
        const other = await stubModel(5);
        await publish({ ...other, files: { ...other.files, "model.onnx": "damaged" } });
      },
    ],
    [
      "is not the one that the pointer names",
      "digest-mismatch",
      async (good) => {
        const other = await stubModel(5);
        await writeModel(modelDirectory(directory, other.digest), good.files);
        const pointer = JSON.stringify({ digest: other.digest });
        await writeFile(join(directory, "current.json"), pointer);
      },
    ],
    [
      "is no ONNX graph",
      "corrupt",
      async () => {
        const { digestOf } = await import("../../model/digest.ts");
        const digest = digestOf("no graph");
        const metadata = { ...(await stubModel()).metadata, digest };
        await publishModel(
          directory,
          { "model.onnx": "no graph", "model.json": JSON.stringify(metadata) },
          digest,
        );
      },
    ],
    [
      "has unreadable metadata",
      "corrupt",
      async () => {
        const other = await stubModel(5);
        await publish({ ...other, files: { ...other.files, "model.json": "{" } });
      },
    ],
    [
      "has another shape than it says",
      "wrong-shape",
      async () => {
        const other = await stubModel(5);
        const metadata = {
          ...other.metadata,
          labels: ["cat", "dog", "other"],
          output: { name: "probabilities", shape: [null, 3] },
        };
        await publish({
          ...other,
          files: { ...other.files, "model.json": JSON.stringify(metadata) },
        });
      },
    ],
    [
      "has another output than it says",
      "wrong-shape",
      async () => {
        const other = await stubModel(5);
        const metadata = { ...other.metadata, output: { name: "logits", shape: [null, 2] } };
        await publish({
          ...other,
          files: { ...other.files, "model.json": JSON.stringify(metadata) },
        });
      },
    ],
    [
      "answers its golden pictures wrongly",
      "wrong-answer",
      async () => {
        const other = await stubModel(5);
        const files = { ...other.files, "golden/red.jpg": await colourImage("blue") };
        await publish({ ...other, files });
      },
    ],
  ];
  it("that answers its golden pictures wrongly never makes a service ready", async () => {
    const wrong = await stubModel();
    const files = { ...wrong.files, "golden/red.jpg": await colourImage("blue") };
    await publish({ ...wrong, files });
    const service = await start();
    const line = await service.logged((l) => l["code"] === "wrong-answer");
    expect(line.msg).toMatch(/red\.jpg: dog, expected cat; .*\(waiting for a model\)$/);
    expect(await statusOf(service, "/readyz")).toBe(503);
    expect(await statusOf(service, "/livez")).toBe(200);
    expect((await predict(service, await colourImage("red"))).response.status).toBe(503);

    const good = await stubModel(3);
    await publish(good);
    await service.serving(good.digest);
    expect(await statusOf(service, "/readyz")).toBe(200);
  });

  it.each(bad)("that %s is refused as %s while the old one serves", async (_, code, offer) => {
    const good = await stubModel();
    await publish(good);
    const service = await start();
    await service.serving(good.digest);
    await offer(good);
    const line = await service.logged((l) => l["code"] === code);
    expect(line.msg).toMatch(
      /^[^\n]*(train|copy|publish)[^\n]* \(the model before it keeps serving\)$/,
    );
    expect(await digestOf(service)).toBe(good.digest);
    expect((await predict(service, await colourImage("blue"))).body).toMatchObject({
      label: "dog",
    });
    const metrics = await (await fetch(`${service.metricsUrl}/metrics`)).text();
    expect(metrics).toContain(`model_refusals_total{reason="${code}"} 1`);

    const next = await stubModel(3);
    await publish(next);
    await service.serving(next.digest);
  });

  it("is swapped under load without a failed request", async () => {
    const models = [await stubModel(1), await stubModel(2), await stubModel(3)] as const;
    await publish(models[0]);
    const service = await start();
    await service.serving();
    const clients = load(service, await colourImage("red"), 8);
    await answered(20, clients.outcomes);
    for (const model of models.slice(1)) {
      await publish(model);
      await service.serving(model.digest);
      await answered(clients.outcomes.length + 20, clients.outcomes);
    }
    await clients.stop();
    expect(new Set(clients.outcomes)).toEqual(new Set([200]));
    expect(clients.digests).toEqual(new Set(models.map((model) => model.digest)));
  });
});

describe("the end", () => {
  it("drains under load without a failed request, and exits with 0", async () => {
    await publish(await stubModel());
    const service = await start({ DRAIN_DELAY: "3" });
    await service.serving();
    const clients = load(service, await colourImage("red"), 8);
    await answered(20, clients.outcomes);
    const ended = service.stop("SIGTERM");
    await service.logged((line) => line.msg === "draining");
    expect(await statusOf(service, "/readyz")).toBe(503);
    expect(await statusOf(service, "/livez")).toBe(200);
    const late = await predict(service, await colourImage("blue"));
    expect(late.response.status, "still serves those who have not heard yet").toBe(200);
    expect(await ended).toBe(0);
    await clients.finished;
    expect(new Set(clients.outcomes)).toEqual(new Set([200]));
    expect(service.logs.at(-1)?.msg).toBe("stopped");
  });

  it.each(["SIGTERM", "SIGINT"] as const)(
    "comes at once with %s and nothing to do",
    async (signal) => {
      const service = await start({ DRAIN_DELAY: signal === "SIGINT" ? "60" : "0" });
      expect(await service.stop(signal)).toBe(0);
    },
  );
});

describe("overload", () => {
  it("is refused with 429 and Retry-After, and what is accepted is answered", async () => {
    await publish(await stubModel());
    const service = await start({ SLOTS: "2", BURST_SLOTS: "4" });
    await service.serving();
    const image = await colourImage("red");
    const results = await Promise.all(Array.from({ length: 60 }, () => predict(service, image)));
    const statuses = results.map(({ response }) => response.status);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    for (const { response, body } of results) {
      if (response.status !== 429) continue;
      expect(response.headers.get("retry-after")).toBe("1");
      expect(body).toMatchObject({ type: "urn:image-classification:problem:queue-full" });
    }
    await eventually(async () => expect((await predict(service, image)).response.status).toBe(200));
  });

  it("does not keep the slots of clients that hung up", async () => {
    await publish(await stubModel());
    const service = await start({ SLOTS: "4", BURST_SLOTS: "4", BODY_TIMEOUT: "60" });
    await service.serving();
    const image = await colourImage("red");
    const hanging = Array.from({ length: 4 }, () => {
      const socket = connect(Number(new URL(service.url).port), "127.0.0.1");
      socket.write(
        "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/jpeg\r\ncontent-length: 999\r\n\r\n",
      );
      return socket;
    });
    await eventually(async () => expect((await predict(service, image)).response.status).toBe(429));
    for (const socket of hanging) socket.destroy();
    await eventually(async () => expect((await predict(service, image)).response.status).toBe(200));
    const metrics = await (await fetch(`${service.metricsUrl}/metrics`)).text();
    expect(metrics).toContain('inference_failures_total{reason="cancelled"} 4');
  });
});

describe("the command line", () => {
  it("says in one line that a port is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const flags = ["--model", directory, "--metrics-port", "0", "--port", String(port)];
    const { code, errors } = await run("main.ts", flags);
    expect(code).toBe(1);
    expect(errors).toBe(`Port ${port} is in use; stop the other program or choose another port.\n`);
    const flagged = await run("main.ts", ["--port", "0", "--metrics-port", String(port)]);
    expect(flagged).toMatchObject({ code: 1, errors: expect.stringContaining(`Port ${port} is`) });
    other.close();
  });

  it("does without the metrics port that nobody asked for when it is in use", async () => {
    const other = createServer().listen(9090, "127.0.0.1");
    // Somebody else may have it, which serves this test as well.
    await Promise.race([once(other, "listening"), once(other, "error")]);
    const service = await startServiceProcess({ model: directory, ports: ["--port", "0"] });
    running.add(service);
    expect(service.logs.map((line) => line.msg)).toContainEqual(
      expect.stringMatching(/^Port 9090 is in use, so \/metrics is on port \d+ only/),
    );
    expect(await statusOf(service, "/metrics")).toBe(200);
    other.close();
  });

  it.each([
    [["--port", "many"], "PORT=many is not usable"],
    [["--nonsense"], "unknown option"],
  ])("refuses %j in one line", async (flags, message) => {
    const { code, errors } = await run("main.ts", flags);
    expect(code).toBe(1);
    expect(errors).toContain(message);
    expect(errors.trim().split("\n")).toHaveLength(1);
  });
});

describe("the smoke test", () => {
  const smoke = (service: ServiceProcess, model = directory, timeout = "5") =>
    run("smoke-test.ts", ["--url", service.url, "--model", model, "--timeout", timeout]);

  it("passes when every golden image gets its label from the store's model", async () => {
    const model = await stubModel();
    const service = await start();
    const early = smoke(service, directory);
    expect((await early).errors).toMatch(/^smoke test failed: .* is missing; [^\n]*\n$/);
    await publish(model);
    const { code, output, errors } = await smoke(service);
    expect(errors).toBe("");
    expect(code).toBe(0);
    expect(output).toContain("ok golden/red.jpg is a cat (0.9");
    expect(output).toContain(`passed: 2 images, model ${model.digest}`);
  });

  it.each([
    ["label", { label: "cat", probability: 1 }, /golden\/blue.jpg: dog, expected cat/],
    ["probability", { label: "dog", probability: 0.9 }, /probability 0.99\d*, expected 0.9 ± 0.05/],
  ])("fails on another %s", async (_, expectation, message) => {
    const model = await stubModel();
    await publish(model);
    const service = await start();
    await service.serving();
    const golden = [{ file: "golden/blue.jpg", ...expectation }];
    const files = { ...model.files, "model.json": JSON.stringify({ ...model.metadata, golden }) };
    const elsewhere = await mkdtemp(join(tmpdir(), "elsewhere-"));
    await publishModel(elsewhere, files, model.digest);
    const { code, errors } = await smoke(service, elsewhere);
    await rm(elsewhere, { recursive: true });
    expect(code).toBe(1);
    expect(errors).toMatch(message);
    expect(errors.trim().split("\n")).toHaveLength(1);
  });

  it("fails when another model serves than the store's", async () => {
    await publish(await stubModel());
    const service = await start();
    const elsewhere = await mkdtemp(join(tmpdir(), "elsewhere-"));
    const other = await stubModel(7);
    await publishModel(elsewhere, other.files, other.digest);
    const { code, errors } = await smoke(service, elsewhere, "1");
    await rm(elsewhere, { recursive: true });
    expect(code).toBe(1);
    expect(errors).toMatch(/did not serve sha256:[0-9a-f]{64} within 1 s/);
  });
});
