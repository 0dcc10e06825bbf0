import { expect, it } from "vitest";
import { createInTurn } from "./in-turn.ts";

it("begins nothing before what was given earlier has ended, failures included", async () => {
  const inTurn = createInTurn();
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = inTurn(async () => {
    order.push("first begins");
    await gate.promise;
    order.push("first ends");
    throw new Error("first");
  });
  const second = inTurn(() => order.push("second"));
  await Promise.resolve();
  expect(order).toEqual(["first begins"]);
  gate.resolve();
  await expect(first).rejects.toThrow("first");
  expect(await second).toBe(3);
  expect(order).toEqual(["first begins", "first ends", "second"]);
});
