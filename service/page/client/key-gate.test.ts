import { beforeEach, expect, it, onTestFinished, vi } from "vitest";
import { createKeyGate, openTabStorage } from "./key-gate.js";
import type { Outcome } from "./outcome.js";

const locked: Outcome = { kind: "locked", title: "Unauthorized", detail: "A key is needed." };
const failed: Outcome = { kind: "failed", title: "t", detail: "d" };
/** A service that knows one key. */
const send = vi.fn(async (key: string | undefined) => (key === "icp_1" ? failed : locked));
const onLocked = vi.fn();

let kept: Map<string, string>;
const storage = {
  getItem: (name: string) => kept.get(name) ?? null,
  setItem: (name: string, value: string) => void kept.set(name, value),
  removeItem: (name: string) => void kept.delete(name),
};
const gate = () => createKeyGate({ storage, onLocked });

beforeEach(() => {
  kept = new Map();
  send.mockClear();
  onLocked.mockClear();
});

it("asks without a key, says once that one is needed, and asks no more until there is one", async () => {
  const { ask, use } = gate();
  expect(await Promise.all([ask(send), ask(send)])).toEqual([locked, locked]);
  expect(await ask(send)).toEqual(locked);
  expect(send.mock.calls).toEqual([[undefined], [undefined]]);
  expect(onLocked.mock.calls).toEqual([[locked]]);
  use("icp_1");
  expect(await ask(send)).toEqual(failed);
  expect(onLocked).toHaveBeenCalledTimes(1);
});

it("keeps a key for the tab, and forgets one that is refused", async () => {
  gate().use("icp_1");
  const { ask, use } = gate();
  expect(await ask(send)).toEqual(failed);
  expect(send.mock.calls).toEqual([["icp_1"]]);
  use("icp_2");
  expect(await ask(send)).toEqual(locked);
  expect(kept.size).toBe(0);
  expect(onLocked).toHaveBeenCalledTimes(1);
});

it("asks again what was refused with the key of before", async () => {
  const { ask, use } = gate();
  let answer: (outcome: Outcome) => void = () => undefined;
  const first = new Promise<Outcome>((resolve) => (answer = resolve));
  const slow = vi
    .fn<(key: string | undefined) => Promise<Outcome>>(send)
    .mockReturnValueOnce(first);
  const asked = ask(slow);
  use("icp_1");
  answer(locked);
  expect(await asked).toEqual(failed);
  expect(slow.mock.calls).toEqual([[undefined], ["icp_1"]]);
  expect(onLocked).not.toHaveBeenCalled();
});

it("has the tab's storage, or does without where the browser keeps nothing of sites", async () => {
  onTestFinished(() => void vi.unstubAllGlobals());
  vi.stubGlobal("sessionStorage", storage);
  expect(openTabStorage()).toBe(storage);
  vi.stubGlobal("sessionStorage", undefined);
  Object.defineProperty(globalThis, "sessionStorage", {
    configurable: true,
    get: () => {
      throw new DOMException("The operation is insecure.", "SecurityError");
    },
  });
  const { ask, use } = createKeyGate({ storage: openTabStorage(), onLocked });
  expect(await ask(send)).toEqual(locked);
  use("icp_1");
  expect(await ask(send)).toEqual(failed);
  expect(send.mock.calls).toEqual([[undefined], ["icp_1"]]);
});
