import { describe, expect, it } from "vitest";
import { strategicPatch } from "./strategic-patch.ts";

describe("strategicPatch", () => {
  it("says nothing of what is equal, and names what differs at its depth", () => {
    const base = { kind: "A", spec: { replicas: 1, keep: { a: [1] } } };
    expect(strategicPatch(base, structuredClone(base))).toBeUndefined();
    expect(strategicPatch(base, { ...base, spec: { ...base.spec, replicas: 2 } })).toEqual({
      spec: { replicas: 2 },
    });
  });

  it("merges containers by name, and gives other lists whole", () => {
    const container = (name: string, args: string[]) => ({ name, image: "x", args });
    const base = { containers: [container("a", ["1"]), container("b", ["1"])] };
    const wanted = { containers: [container("a", ["1"]), container("b", ["1", "2"])] };
    expect(strategicPatch(base, wanted)).toEqual({
      containers: [{ name: "b", args: ["1", "2"] }],
    });
  });
});
