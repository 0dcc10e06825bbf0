import { describe, expect, it } from "vitest";
import { ProblemError, problemBody } from "./problem.ts";

describe("problemBody", () => {
  it("has the members of RFC 9457 and the request's id", () => {
    const problem = new ProblemError("queue-full", "Busy.");
    expect(JSON.parse(problemBody(problem, { path: "/predict", requestId: "r1" }))).toEqual({
      type: "urn:image-classification:problem:queue-full",
      title: "Too many requests",
      status: 429,
      detail: "Busy.",
      instance: "/predict",
      requestId: "r1",
    });
  });
});
