import { describe, expect, it } from "vitest";
import { acceptUpload } from "./upload.ts";

describe("acceptUpload", () => {
  it.each(["image/jpeg", "image/png", "image/webp", "application/octet-stream", "Image/JPEG; q=1"])(
    "takes a raw body of %s as it is",
    (type) => {
      const body = new Uint8Array([1, 2, 3]);
      expect(acceptUpload({ "content-type": type })(body)).toBe(body);
    },
  );

  it.each([
    [{}, "missing"],
    [{ "content-type": "text/plain" }, '"text/plain"'],
    [{ "content-type": "image/svg+xml" }, "image/svg"],
    [{ "content-type": "image/jpeg", "content-encoding": "gzip" }, "compressed"],
  ])("refuses %j before a body is read", (headers, text) => {
    expect(() => acceptUpload(headers)).toThrow(text);
  });
});
