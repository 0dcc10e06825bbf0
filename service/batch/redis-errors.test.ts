import { expect, it } from "vitest";
import { isFull } from "./redis-errors.ts";

const full = () => new Error("OOM command not allowed when used memory > 'maxmemory'.");
const closed = (...previousErrors: Error[]) =>
  Object.assign(new Error("Connection is closed."), { previousErrors });

it.each([
  ["says so", full(), true],
  ["is of commands that say so", closed(closed(), full()), true],
  ["is of the connection", closed(closed()), false],
  ["is no error", "OOM ", false],
])("knows a full memory by what %s", (_, error, expected) => {
  expect(isFull(error)).toBe(expected);
});

it("looks at an error that ioredis gave to every command of a transaction, its end included", () => {
  const error = closed();
  error.previousErrors.push(error, error);
  expect(isFull(error)).toBe(false);
});
