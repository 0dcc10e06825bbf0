import { describe, expect, it } from "vitest";
import { toCsv } from "./csv.js";

const model = { name: "m", version: "v1", digest: "sha256:1" };
const answered = {
  kind: "answered",
  milliseconds: 12.6,
  prediction: { label: "cat", probability: 0.9, probabilities: { cat: 0.9, dog: 0.1 }, model },
} as const;
const failed = { kind: "failed", title: "Bad", detail: 'It is "x",\nreally.' } as const;

describe("toCsv", () => {
  it("has a row a photo and a column a label", () => {
    const results = [
      { file: "a.jpg", outcome: answered },
      { file: "b, c.jpg", outcome: failed },
    ];
    expect(toCsv(results)).toBe(
      [
        "file,label,probability,probability_cat,probability_dog,milliseconds,model,model_version,model_digest,error",
        "a.jpg,cat,0.9,0.9,0.1,13,m,v1,sha256:1,",
        '"b, c.jpg",,,,,,,,,"Bad: It is ""x"",\nreally."',
        "",
      ].join("\r\n"),
    );
  });

  it.each([
    ["=1+1", "'=1+1,"],
    ["@x", "'@x,"],
    ["-1", "'-1,"],
    ["+1", "'+1,"],
    ["\tx", '"\'\tx",'],
    // These would be where fields are separated by semicolons or tabs.
    ["x;=1+1;.jpg", '"x;=1+1;.jpg",'],
    ["x\t=1+1\t.jpg", '"x\t=1+1\t.jpg",'],
  ])("does not hand %j to a spreadsheet as a formula", (file, field) => {
    const row = toCsv([{ file, outcome: failed }]).split("\r\n")[1];
    expect(row?.slice(0, field.length)).toBe(field);
  });

  it("has no columns of labels when nothing was answered", () => {
    expect(toCsv([{ file: "a", outcome: failed }])).toMatch(
      /^file,label,probability,milliseconds,/,
    );
  });
});
