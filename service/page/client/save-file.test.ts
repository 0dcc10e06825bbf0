import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { saveFile } from "./save-file.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

it("leaves the browser time to read the file, and gives its memory back then", async () => {
  const link = { href: "", download: "", click: vi.fn() };
  vi.stubGlobal("document", { createElement: () => link });
  const revoke = vi.spyOn(URL, "revokeObjectURL");
  saveFile("predictions.csv", new Blob(["a,b"]));
  expect(link).toMatchObject({
    href: expect.stringMatching(/^blob:/),
    download: "predictions.csv",
  });
  expect(link.click).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(revoke).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(revoke).toHaveBeenCalledExactlyOnceWith(link.href);
});
