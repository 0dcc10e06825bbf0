import { describe, expect, it } from "vitest";
import { escapeText, htmlDocument } from "./document.ts";

describe("escapeText", () => {
  it("leaves nothing that HTML reads", () => {
    expect(escapeText(`<a b='c' d="e">&`)).not.toMatch(/[<>"']|&(?!#\d+;)/);
  });
});

describe("htmlDocument", () => {
  it("escapes its title, and marks its style sheet as its own", () => {
    const html = htmlDocument({ title: "a < b", style: ".x{}", body: "<p>c", nonce: "n0" });
    expect(html.match(/a &#60; b/g)).toHaveLength(2);
    expect(html).toMatch(/<style nonce="n0">[^<]*\.x\{\}<\/style>/);
    expect(html).toContain("<p>c");
  });
});
