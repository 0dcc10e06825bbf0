import { describe, expect, it } from "vitest";
import { formatPath, isInside, parsePath, valueAt, withValueAt } from "./property-path.ts";

describe("paths", () => {
  it.each([
    ["spec.replicas", ["spec", "replicas"]],
    ["spec.containers[0].image", ["spec", "containers", 0, "image"]],
    ['metadata.annotations["a.b/c"]', ["metadata", "annotations", "a.b/c"]],
    ['["quoted \\" name"].x', ['quoted " name', "x"]],
  ])("%s is read", (text, path) => {
    expect(parsePath(text)).toEqual(path);
  });

  it("are written as they are read", () => {
    const text = 'metadata.annotations["a.b/c"][2].x';
    expect(formatPath(parsePath(text))).toBe(text);
  });

  it("know what lies inside them", () => {
    expect(isInside(["spec", "replicas"], ["spec"])).toBe(true);
    expect(isInside(["spec"], ["spec", "replicas"])).toBe(false);
  });
});

describe("values", () => {
  const map = { spec: { containers: [{ image: "a" }, { image: "b" }] } };

  it("are found, or not", () => {
    expect(valueAt(map, ["spec", "containers", 1, "image"])).toBe("b");
    expect(valueAt(map, ["spec", "volumes", 0])).toBeUndefined();
  });

  it("are replaced, added and removed without touching the original", () => {
    expect(withValueAt(map, ["spec", "containers", 1, "image"], "c")).toEqual({
      spec: { containers: [{ image: "a" }, { image: "c" }] },
    });
    expect(withValueAt(map, ["metadata", "name"], "x")).toMatchObject({ metadata: { name: "x" } });
    expect(withValueAt(map, ["spec", "containers"], undefined)).toEqual({ spec: {} });
    expect(withValueAt(map, ["spec", "containers", 7, "image"], "c")).toEqual(map);
    expect(withValueAt(map, ["status", "x"], undefined)).toEqual(map);
    expect(map.spec.containers[1]?.image).toBe("b");
  });
});
