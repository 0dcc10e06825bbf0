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

  it("merges items by the field that tells them apart, and gives other lists whole", () => {
    const container = (name: string, args: string[]) => ({ name, image: "x", args });
    const base = { containers: [container("a", ["1"]), container("b", ["1"])] };
    const wanted = { containers: [container("a", ["1"]), container("b", ["1", "2"])] };
    expect(strategicPatch(base, wanted)).toEqual({
      containers: [{ name: "b", args: ["1", "2"] }],
    });
  });

  it("deletes fields that are wanted no more", () => {
    expect(strategicPatch({ replicas: 1, keep: 1 }, { keep: 1 })).toEqual({ replicas: null });
  });

  it.each([
    ["volumes", "name", "a", "b"],
    ["volumeMounts", "mountPath", "/a", "/b"],
    ["env", "name", "A", "B"],
    ["ports", "port", 8080, 8085],
    ["ports", "containerPort", 8080, 8085],
  ])("deletes items of %s that are wanted no more, by their %s", (list, key, before, after) => {
    const item = (value: unknown) => ({ [key]: value, other: 1 });
    expect(strategicPatch({ [list]: [item(before)] }, { [list]: [item(after)] })).toEqual({
      [list]: [item(after), { [key]: before, $patch: "delete" }],
    });
  });
});
