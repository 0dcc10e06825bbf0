import { expect, it } from "vitest";
import { ClientDeadlineError, clientDeadline } from "./client-deadline.ts";

it("reads seconds, and nothing where nothing is said", () => {
  expect(clientDeadline({})).toBeUndefined();
  expect(clientDeadline({ "request-timeout": "2" })).toBe(2);
  expect(clientDeadline({ "request-timeout": "0.25" })).toBe(0.25);
});

it.each(["", "soon", "-1", "1e3", "5s", ".5", "1, 2", "9999999"])("refuses %j", (declared) => {
  expect(() => clientDeadline({ "request-timeout": declared })).toThrow(
    expect.objectContaining({ code: "bad-request" }),
  );
});

it("leaves what has no time at all", () => {
  const ask = () => clientDeadline({ "request-timeout": "0.0" });
  expect(ask).toThrow(expect.objectContaining({ code: "deadline" }));
  expect(ask).toThrow(ClientDeadlineError);
});
