import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createHeldPhotos } from "./held-photos.ts";

const photosOf = (bytes: number) => [{ name: "a.jpg", bytes: new Uint8Array(bytes) }];

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("holds as many photos as there is room for, until they are dropped", () => {
  const held = createHeldPhotos(10);
  const first = photosOf(6);
  held.hold("first", first);
  held.hold("second", photosOf(5));
  expect(held.get("first")).toBe(first);
  expect(held.get("second"), "no room").toBeUndefined();
  held.drop("first");
  held.drop("first");
  expect(held.get("first")).toBeUndefined();
  held.hold("second", photosOf(10));
  expect(held.get("second")).toHaveLength(1);
});

it("forgets after a minute what nobody computes here, and not what somebody does", () => {
  const held = createHeldPhotos(20);
  held.hold("elsewhere", photosOf(10));
  held.hold("here", photosOf(10));
  expect(held.get("here")).toBeDefined();
  vi.advanceTimersByTime(60_000);
  expect(held.get("elsewhere")).toBeUndefined();
  expect(held.get("here")).toBeDefined();
  held.hold("next", photosOf(10));
  expect(held.get("next"), "its room is free again").toBeDefined();
});
