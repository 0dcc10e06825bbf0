import { describe, expect, it } from "vitest";
import { formatCsv } from "./csv.ts";

describe("formatCsv", () => {
  it("is RFC 4180: a header, CRLF after every line, quotes only where needed", () => {
    const rows = [
      { file: "cat.1.jpg", truth: "cat", probability: 0.5 },
      { file: 'my "best", cat.jpg', truth: "cat\nor dog", probability: 1 },
    ];
    expect(formatCsv(["file", "truth", "probability"], rows)).toBe(
      'file,truth,probability\r\ncat.1.jpg,cat,0.5\r\n"my ""best"", cat.jpg","cat\nor dog",1\r\n',
    );
  });
});
