import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createLimit } from "./limit.ts";

describe("createLimit", () => {
  it("never runs more tasks than allowed, and all of them", async () => {
    const limit = createLimit(3);
    let running = 0;
    let most = 0;
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        limit(async () => {
          running += 1;
          most = Math.max(most, running);
          await turn();
          running -= 1;
          return index;
        }),
      ),
    );
    expect(most).toBe(3);
    expect(results).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  it("goes on after a failure", async () => {
    const limit = createLimit(1);
    await expect(limit(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    await expect(limit(() => Promise.resolve(7))).resolves.toBe(7);
  });
});
