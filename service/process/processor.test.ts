import { Worker } from "node:worker_threads";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { ProcessConfig } from "./config.ts";
import { createProcessor } from "./processor.ts";

const model = { directory: "/models", digest: "sha256:a" };
const never = new AbortController().signal;

const open = (size = 1, limits: { readonly longestMs?: number } = {}) => {
  const start = vi.fn(() => new Worker(new URL("./testdata/worker.ts", import.meta.url)));
  const onFault = vi.fn();
  const config = {} as ProcessConfig;
  const processor = createProcessor({
    ...{ size, config, onFault, start },
    segmenter: undefined,
    ...{ graceMs: 50, ...limits },
  });
  onTestFinished(() => processor.stop());
  const ask = (text: string, signal = never, options: { priority?: "background" } = {}) => {
    // Memory of its own: Node's pool cannot be handed over.
    const image = new Uint8Array(Buffer.from(text));
    const request = { image, steps: [], background: "white", picture: true } as const;
    return processor.process(request, model, signal, options);
  };
  return { ask, start, onFault, processor };
};

describe("createProcessor", () => {
  it("starts nothing before there is a photo, and then no more than are needed", async () => {
    const { ask, start } = open(2);
    expect(start).not.toHaveBeenCalled();
    const first = await ask("shoe");
    expect(first.answer.tags.category).toBe("shoe by sha256:a");
    expect([...(first.picture ?? [])]).toEqual([1, 2, 3]);
    await ask("bag");
    expect(start).toHaveBeenCalledTimes(1);
    await Promise.all(["a", "b", "c", "d"].map((text) => ask(text)));
    expect(start).toHaveBeenCalledTimes(2);
  });

  it("tells the faults of image, model and program apart", async () => {
    const { ask } = open();
    await expect(ask("undecodable")).rejects.toMatchObject({ name: "ImageError" });
    await expect(ask("old")).rejects.toMatchObject({ name: "ModelError", code: "missing" });
    await expect(ask("broken")).rejects.toThrow(/^broken$/);
  });

  it("fails the photo of a worker that ends, and does the next one with another", async () => {
    const { ask, start, onFault } = open();
    const [crash, next] = [ask("crash"), ask("shoe")];
    await expect(crash).rejects.toMatchObject({ name: "WorkerCrashedError" });
    expect((await next).answer.tags.category).toMatch(/^shoe/);
    expect(start).toHaveBeenCalledTimes(2);
    expect(onFault).toHaveBeenCalledTimes(1);
  });

  it("does everything else before what is in the background", async () => {
    const { ask } = open();
    const order: string[] = [];
    const note = async (text: string, options = {}): Promise<void> => {
      await ask(text, never, options);
      order.push(text);
    };
    const background = { priority: "background" } as const;
    await Promise.all([
      ...["begun", "late", "later"].map((text) => note(text, background)),
      ...["a", "b"].map((text) => note(text)),
    ]);
    expect(order).toEqual(["begun", "a", "b", "late", "later"]);
  });

  it("ends a thread that has a photo of the background without an end", async () => {
    const { ask, start } = open(1, { longestMs: 50 });
    await expect(ask("hang", never, { priority: "background" })).rejects.toMatchObject({
      name: "WorkerCrashedError",
    });
    expect((await ask("bag")).answer.tags.category).toMatch(/^bag/);
    expect(start).toHaveBeenCalledTimes(2);
  });

  it("gives up at once what is aborted, and never begins what still waited", async () => {
    const { ask } = open();
    const [first, second] = [new AbortController(), new AbortController()];
    const reason = new Error("late");
    const [hangs, waits] = [ask("hang", first.signal), ask("crash", second.signal)];
    second.abort(reason);
    first.abort(reason);
    await expect(hangs).rejects.toBe(reason);
    await expect(waits).rejects.toBe(reason);
    await expect(ask("shoe", AbortSignal.abort(reason))).rejects.toBe(reason);
    // The thread that hangs is ended after a while, or this one would never be done.
    expect((await ask("bag")).answer.tags.category).toMatch(/^bag/);
  });
});
