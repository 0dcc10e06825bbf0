import { describe, expect, it } from "vitest";
import { createProgress } from "./progress.ts";

const start = (isTTY: boolean) => {
  const written: string[] = [];
  let time = 0;
  const output = { isTTY, write: (text: string) => written.push(text) };
  const progress = createProgress("baking", 200, output, () => time);
  const at = (milliseconds: number, done: number): void => {
    time = milliseconds;
    progress.update(done);
  };
  return { at, written, finish: progress.finish };
};

describe("createProgress", () => {
  it.each([true, false])("says nothing of a stage that ends at once (terminal: %s)", (isTTY) => {
    const { at, written, finish } = start(isTTY);
    at(400, 100);
    at(900, 200);
    finish();
    expect(written).toEqual([]);
  });

  it("draws a bar on a terminal and clears it", () => {
    const { at, written, finish } = start(true);
    at(2000, 50);
    at(2050, 60);
    at(4000, 100);
    finish();
    expect(written).toEqual([
      "\r\u001b[Kbaking [######                  ]  25 %, 6 s left",
      "\r\u001b[Kbaking [############            ]  50 %, 4 s left",
      "\r\u001b[K",
    ]);
  });

  it("writes plain lines now and then elsewhere", () => {
    const { at, written, finish } = start(false);
    for (let second = 1; second <= 21; second++) at(second * 1000, second * 5);
    finish();
    expect(written).toEqual(["baking  25 %, 30 s left\n", "baking  50 %, 20 s left\n"]);
  });
});
