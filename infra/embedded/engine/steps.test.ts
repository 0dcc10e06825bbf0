import { describe, expect, it } from "vitest";
import type { PropertyMap } from "./property-values.ts";
import type { ResourceState } from "./resource-state.ts";
import { planStep } from "./steps.ts";

const state = (inputs: PropertyMap, more: Partial<ResourceState> = {}): ResourceState => ({
  urn: "urn:pulumi:dev::p::t::n",
  custom: true,
  type: "t",
  inputs,
  ...more,
});
const goal = (
  inputs: PropertyMap,
  ignoreChanges: string[] = [],
  replaceOnChanges: string[] = [],
) => ({
  inputs,
  ignoreChanges,
  replaceOnChanges,
});

describe("planStep", () => {
  it("creates what is not in the state", () => {
    expect(planStep(undefined, goal({ a: 1 }))).toEqual({ kind: "create", inputs: { a: 1 } });
  });

  it("leaves alone what is as declared", () => {
    expect(planStep(state({ a: 1 }), goal({ a: 1 })).kind).toBe("same");
  });

  it("changes what differs", () => {
    expect(planStep(state({ a: 1 }), goal({ a: 2 }))).toMatchObject({
      kind: "change",
      mustReplace: false,
      changes: [{ path: ["a"], before: 1, after: 2 }],
    });
  });

  it("tries again what did not end well, although nothing was changed", () => {
    const unfinished = state({ a: 1 }, { initErrors: ["not ready"] });
    expect(planStep(unfinished, goal({ a: 1 }))).toMatchObject({ kind: "change", changes: [] });
  });

  it("keeps the old value of what is ignored", () => {
    const old = state({ spec: { replicas: 3, image: "a" } });
    const wish = goal({ spec: { replicas: 1, image: "a" } }, ["spec.replicas"]);
    expect(planStep(old, wish).kind).toBe("same");
    const other = goal({ spec: { replicas: 1, image: "b" } }, ["spec.replicas"]);
    expect(planStep(old, other)).toMatchObject({
      kind: "change",
      inputs: { spec: { replicas: 3, image: "b" } },
    });
  });

  it("does not bring back what is ignored and was not there", () => {
    const step = planStep(state({}), goal({ note: "new" }, ["note"]));
    expect(step).toEqual({ kind: "same", inputs: {} });
  });

  it.each([["spec"], ["spec.image"], ["*"]])("replaces when %s says so", (path) => {
    const step = planStep(
      state({ spec: { image: "a" } }),
      goal({ spec: { image: "b" } }, [], [path]),
    );
    expect(step).toMatchObject({ kind: "change", mustReplace: true });
  });
});
