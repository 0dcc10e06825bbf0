import { describe, expect, it } from "vitest";
import { ImageError } from "../../model/image-error.ts";
import { ModelError } from "../../model/model-error.ts";
import { UserError } from "../user-error.ts";
import { explainError } from "./run-command.ts";

const systemError = (code: string): Error =>
  Object.assign(new Error(`${code}: something, open '/data/x'`), { code, path: "/data/x" });

describe("explainError", () => {
  it.each([
    new UserError("do\n  this."),
    new ModelError("missing", "do this."),
    new ImageError("empty", "do this."),
  ])("passes on what is meant for people, as one line: $name", (error) => {
    expect(explainError(error)).toBe("do this.");
  });

  it.each([
    ["ENOSPC", /^\/data\/x: the disk is full; free some space/],
    ["EACCES", /^\/data\/x: permission denied; choose another directory/],
    ["EROFS", /^\/data\/x: the file system is read-only/],
  ])("says what to do about %s", (code, message) => {
    expect(explainError(systemError(code))).toMatch(message);
  });

  it("leaves defects alone, so that their stack is seen", () => {
    expect(explainError(new TypeError("x is not a function"))).toBeUndefined();
    expect(explainError(systemError("EWHATEVER"))).toBeUndefined();
  });
});
