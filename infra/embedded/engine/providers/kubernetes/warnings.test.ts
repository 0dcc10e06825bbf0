import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ApiClient } from "./client.ts";
import { showWarnings } from "./warnings.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: new Date("2026-01-01T12:00:00Z") });
});
afterEach(() => {
  vi.useRealTimers();
});

const event = (uid: string, lastTimestamp: string) => ({
  metadata: { uid },
  involvedObject: { kind: "PersistentVolumeClaim", name: "model-store" },
  reason: "ProvisioningFailed",
  message: "no space",
  lastTimestamp,
});

it("shows each new warning of the namespace once, and nothing after its end", async () => {
  const items = [event("old", "2026-01-01T11:00:00Z"), event("new", "2026-01-01T12:00:05Z")];
  const request = vi.fn(async () => ({ items }));
  const shown: string[] = [];
  const end = showWarnings({ request } as unknown as ApiClient, "cats-dogs", (text) =>
    shown.push(text),
  );
  await vi.advanceTimersByTimeAsync(31_000);
  expect(request).toHaveBeenCalledTimes(2);
  expect(shown).toEqual(["PersistentVolumeClaim model-store: ProvisioningFailed: no space"]);
  end();
  await vi.advanceTimersByTimeAsync(31_000);
  expect(request).toHaveBeenCalledTimes(2);
});

it("outlives an API that does not answer", async () => {
  const request = vi.fn(() => Promise.reject(new Error("refused")));
  const end = showWarnings({ request } as unknown as ApiClient, "cats-dogs", () => undefined);
  await vi.advanceTimersByTimeAsync(16_000);
  expect(request).toHaveBeenCalledTimes(1);
  end();
});
