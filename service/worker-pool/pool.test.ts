import { afterEach, describe, expect, it, vi } from "vitest";
import { ImageError } from "../../model/image-error.ts";
import { ModelError } from "../../model/model-error.ts";
import { TensorError } from "../inference-protocol/tensor-error.ts";
import { eventually } from "../testing/eventually.ts";
import { createPool, type Pool } from "./pool.ts";
import { startWorker } from "./start-worker.ts";
import { WorkerCrashedError } from "./worker-crashed-error.ts";

const program = new URL("./testdata/worker.ts", import.meta.url);
const never = new AbortController().signal;
const image = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text));
const model = (digest: string, directory = "good") => ({ digest, directory });
const DEPTH = 3;

let pool: Pool;
const onFault = vi.fn();
const start = (size: number): Pool => {
  onFault.mockReset();
  pool = createPool({ size, start: () => startWorker(program), onFault });
  return pool;
};
afterEach(() => pool.stop());

const label = async (text: string, signal = never): Promise<string> =>
  (await pool.predict(image(text), signal)).prediction.label;

describe("createPool", () => {
  it("answers with the model that is used, and hands the image over", async () => {
    start(2);
    expect(pool.ready()).toBe(0);
    await pool.use(model("a"));
    expect(pool.ready(), "answers with the first worker, and then with all").toBe(1);
    pool.grow();
    pool.grow();
    await eventually(() => expect(pool.ready()).toBe(2));
    const bytes = image("x");
    const answer = await pool.predict(bytes, never);
    expect(answer).toMatchObject({ prediction: { label: "x" }, model: { digest: "a" } });
    expect(answer.waited).toBeGreaterThanOrEqual(0);
    expect(bytes.byteLength, "transferred, not copied").toBe(0);
  });

  it("has tensors computed by the same workers, and tells those that do not fit from faults", async () => {
    start(1);
    await pool.use(model("a"));
    const infer = (text: string) =>
      pool.infer({ body: image(text), jsonBytes: 0, maxBatch: 1 }, never);
    expect(await infer("x")).toMatchObject({
      predictions: [{ label: "x" }],
      asked: { binary: true },
      model: { digest: "a" },
    });
    await expect(infer("misfit")).rejects.toThrow(TensorError);
    expect(await label("fine")).toBe("fine");
  });

  it("answers what was asked before the first model", async () => {
    start(1);
    const early = label("early");
    expect(pool.queued()).toBe(1);
    await pool.use(model("a"));
    expect(await early).toBe("early");
  });

  it("swaps models, and keeps the old one when a worker refuses the new one", async () => {
    start(2);
    await pool.use(model("a"));
    pool.grow();
    await eventually(() => expect(pool.ready()).toBe(2));
    await expect(pool.use(model("b", "bad"))).rejects.toThrow(ModelError);
    expect((await pool.predict(image("x"), never)).model.digest).toBe("a");
    await pool.use(model("c"));
    expect((await pool.predict(image("x"), never)).model.digest).toBe("c");
  });

  it("says of an answer that outlived a swap which model made it", async () => {
    start(1);
    await pool.use(model("a"));
    const held = pool.predict(image("hold"), never);
    await pool.use(model("b"));
    await label("release");
    expect((await held).model.digest).toBe("a");
  });

  it("settles what outlived two swaps, too: it is to be asked again", async () => {
    start(1);
    await pool.use(model("a"));
    const held = label("hold");
    await pool.use(model("b"));
    await pool.use(model("c"));
    const [outcome] = await Promise.allSettled([held, label("release")]);
    expect(outcome).toMatchObject({
      reason: { message: expect.stringMatching(/send it again/) },
    });
  });

  it("tells bad images from faults", async () => {
    start(1);
    await pool.use(model("a"));
    await expect(label("undecodable")).rejects.toThrow(ImageError);
    const broken = await label("broken").catch((error: unknown) => error);
    expect(broken).not.toBeInstanceOf(ImageError);
    expect(broken).toMatchObject({ message: "broken" });
    expect(await label("fine")).toBe("fine");
  });

  it("gives a lone image to an idle worker at once: there is no batch to wait for", async () => {
    start(1);
    await pool.use(model("a"));
    const asked = label("x");
    expect(pool.queued(), "it left the queue before anything else could happen").toBe(0);
    expect(await asked).toBe("x");
  });

  it("tells the worker that nobody waits, so that it has room for others", async () => {
    start(1);
    await pool.use(model("a"));
    const controller = new AbortController();
    const left = Array.from({ length: 10 * DEPTH }, () => label("hold", controller.signal));
    expect(pool.queued()).toBe(9 * DEPTH);
    controller.abort(new Error("gone"));
    for (const outcome of await Promise.allSettled(left)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { message: "gone" } });
    }
    expect(pool.queued()).toBe(0);
    expect(await label("next"), "nobody released what was held").toBe("next");
  });

  it("queues what exceeds the workers' depth, in order, and drops what is aborted", async () => {
    start(1);
    await pool.use(model("a"));
    const controller = new AbortController();
    const order: string[] = [];
    const asked = Array.from({ length: DEPTH + 5 }, async (_, i) => {
      order.push(await label(`slow ${i}`, i === DEPTH + 2 ? controller.signal : never));
    });
    expect(pool.queued()).toBe(5);
    controller.abort(new Error("gone"));
    expect(pool.queued()).toBe(4);
    const outcomes = await Promise.allSettled(asked);
    expect(outcomes[DEPTH + 2]).toMatchObject({ status: "rejected", reason: { message: "gone" } });
    expect(order).toEqual([0, 1, 2, 3, 4, 6, 7].map((i) => `slow ${i}`));
  });

  it("lets interactive work pass what waits in the background, and lets that take none of its places", async () => {
    start(1);
    await pool.use(model("a"));
    const order: string[] = [];
    const ask = async (text: string, priority?: "background"): Promise<void> => {
      order.push((await pool.predict(image(text), never, { priority })).prediction.label);
    };
    const asked = Array.from({ length: DEPTH + 3 }, (_, i) => ask(`slow b${i}`, "background"));
    asked.push(...Array.from({ length: DEPTH + 1 }, (_, i) => ask(`slow i${i}`)));
    expect(pool.queued(), "the worker takes as many as if it had nothing else").toBe(1);
    await Promise.all(asked);
    const last = order.slice(-3);
    expect(last, "not begun before the last interactive one").toEqual(
      [DEPTH, DEPTH + 1, DEPTH + 2].map((i) => `slow b${i}`),
    );
  });

  it("drops background work that is aborted before a worker has it", async () => {
    start(1);
    await pool.use(model("a"));
    const controller = new AbortController();
    const held = Array.from({ length: DEPTH }, () =>
      pool.predict(image("hold"), never, { priority: "background" }),
    );
    const dropped = pool.predict(image("crash"), controller.signal, { priority: "background" });
    controller.abort(new Error("gone"));
    await expect(dropped).rejects.toThrow("gone");
    await label("release");
    await Promise.all(held);
    expect(await label("still there")).toBe("still there");
    expect(onFault).not.toHaveBeenCalled();
  });

  it("rejects at once what is aborted while a worker has it, and what was aborted before", async () => {
    start(1);
    await pool.use(model("a"));
    const controller = new AbortController();
    const held = label("hold", controller.signal);
    controller.abort(new Error("late"));
    await expect(held).rejects.toThrow("late");
    await expect(label("x", controller.signal)).rejects.toThrow("late");
    expect(await label("release")).toBe("release");
  });

  it("replaces a crashed worker, fails only its images, and serves the same model again", async () => {
    start(2);
    await pool.use(model("a"));
    pool.grow();
    await eventually(() => expect(pool.ready()).toBe(2));
    const outcomes = await Promise.allSettled(
      ["crash", "crash", "hold"].map((text) => label(text)),
    );
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ reason: expect.any(WorkerCrashedError) });
    }
    expect((await pool.predict(image("again"), never)).model.digest).toBe("a");
    await eventually(() => expect(onFault).toHaveBeenCalledTimes(2));
    expect(onFault.mock.calls.map(([fault]) => fault)).toEqual([
      "worker-crashed",
      "worker-crashed",
    ]);
    await eventually(() => expect(pool.ready()).toBe(2));
  });

  it("changes models although a worker ends before its turn to load", async () => {
    start(2);
    await pool.use(model("a"));
    pool.grow();
    await eventually(() => expect(pool.ready()).toBe(2));
    const changed = pool.use(model("b", "hold"));
    const [held, crashed] = [label("hold"), label("crash")];
    await expect(crashed).rejects.toThrow(WorkerCrashedError);
    await label("release");
    expect((await changed).digest, "without the one that is no more").toBe("b");
    await held;
    await eventually(() => expect(onFault).toHaveBeenCalledTimes(1));
  });

  describe("models beside the one that serves", () => {
    const ask = async (digest?: string) =>
      (await pool.infer({ body: image("x"), jsonBytes: 0, maxBatch: 1 }, never, digest)).model
        .digest;

    it("answer work that names them, until they are removed", async () => {
      start(2);
      await pool.use(model("a"));
      pool.grow();
      await pool.add(model("b"));
      const both = await Promise.all([ask(), ask("b"), ask("b"), ask()]);
      expect(both).toEqual(["a", "b", "b", "a"]);
      await pool.use(model("c"));
      expect([await ask(), await ask("b")]).toEqual(["c", "b"]);
      await pool.remove("b");
      const waiting = pool.infer(
        { body: image("x"), jsonBytes: 0, maxBatch: 1 },
        AbortSignal.timeout(50),
        "b",
      );
      await expect(waiting, "no worker takes it").rejects.toThrow(/timeout/);
    });

    it("are in no worker when one refuses them", async () => {
      start(2);
      await pool.use(model("a"));
      pool.grow();
      await expect(pool.add(model("b", "bad"))).rejects.toThrow(ModelError);
      expect(await ask()).toBe("a");
      await pool.add(model("b"));
      expect(await ask("b")).toBe("b");
    });

    it("come back with a worker that is replaced, and do not wait behind another model's work", async () => {
      start(1);
      await pool.use(model("a"));
      await pool.add(model("b"));
      await expect(label("crash")).rejects.toThrow(WorkerCrashedError);
      expect(await Promise.all([ask("b"), ask(), ask("b")])).toEqual(["b", "a", "b"]);
    });
  });

  it("survives a model that crashes the worker that loads it", async () => {
    start(1);
    await pool.use(model("a"));
    await expect(pool.use(model("b", "crash"))).rejects.toThrow(WorkerCrashedError);
    expect((await pool.predict(image("x"), never)).model.digest).toBe("a");
  });
});
