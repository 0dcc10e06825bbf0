import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeChange, diffProperties } from "./diff.ts";
import { withValueAt } from "./property-path.ts";
import { type PropertyMap, secret, UNKNOWN } from "./property-values.ts";

const lines = (before: PropertyMap, after: PropertyMap): readonly string[] =>
  diffProperties(before, after).map(describeChange);

describe("diffProperties", () => {
  it("names what was added, removed and changed", () => {
    expect(
      lines(
        { spec: { replicas: 1, gone: true, list: ["a", "b"] } },
        { spec: { replicas: 2, list: ["a", "c", "d"], made: { x: 1 } } },
      ),
    ).toEqual([
      "- spec.gone: true",
      '~ spec.list[1]: "b" => "c"',
      '+ spec.list[2]: "d"',
      '+ spec.made: {"x":1}',
      "~ spec.replicas: 1 => 2",
    ]);
  });

  it("hides secrets, and tells nothing of their parts", () => {
    expect(
      lines({ data: secret({ a: "one", b: "same" }) }, { data: secret({ a: "two", b: "same" }) }),
    ).toEqual(['~ data: "[secret]" => "[secret]"']);
  });

  it("shows a value that only the update will know", () => {
    expect(lines({ image: "a" }, { image: UNKNOWN })).toEqual(['~ image: "a" => "[unknown]"']);
  });

  it("does not see a value that only became secret", () => {
    expect(lines({ a: "x" }, { a: secret("x") })).toEqual([]);
  });

  it("finds nothing between equals, and every single change", () => {
    const maps = fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), fc.jsonValue(), { minKeys: 1 });
    fc.assert(
      fc.property(maps, (json) => {
        const map = json as PropertyMap;
        const key = Object.keys(map)[0] ?? "";
        const changed = withValueAt(map, [key], "a value that is nowhere else");
        return (
          diffProperties(map, structuredClone(map)).length === 0 &&
          diffProperties(map, changed).every(({ path }) => path[0] === key) &&
          diffProperties(map, changed).length > 0
        );
      }),
    );
  });
});
