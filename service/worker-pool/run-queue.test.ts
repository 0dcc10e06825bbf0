import { expect, it } from "vitest";
import { eventually } from "../testing/eventually.ts";
import type { Priority } from "./messages.ts";
import { createRunQueue } from "./run-queue.ts";

it("runs one after the other: what is interactive first, else in order, and never ends what has begun", async () => {
  const queue = createRunQueue();
  const order: string[] = [];
  const first = Promise.withResolvers<void>();
  const add = (name: string, priority: Priority): void =>
    queue.add(async () => {
      order.push(name);
      if (name === "b1") await first.promise;
    }, priority);
  add("b1", "background");
  add("b2", "background");
  add("i1", "interactive");
  add("b3", "background");
  add("i2", "interactive");
  expect(order).toEqual(["b1"]);
  first.resolve();
  await eventually(() => expect(order).toEqual(["b1", "i1", "i2", "b2", "b3"]));
  add("i3", "interactive");
  expect(order.at(-1)).toBe("i3");
});
