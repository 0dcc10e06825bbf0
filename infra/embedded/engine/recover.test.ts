import { describe, expect, it } from "vitest";
import { recoverResources } from "./recover.ts";
import type { ResourceState } from "./resource-state.ts";

const resource = (urn: string, more: Partial<ResourceState> = {}): ResourceState => ({
  urn,
  custom: true,
  type: "t",
  ...more,
});

describe("recoverResources", () => {
  it("changes nothing when no operation was under way", () => {
    const resources = [resource("a"), resource("b", { initErrors: ["old"] })];
    expect(recoverResources({ resources, pendingOperations: [] })).toEqual(resources);
  });

  it("makes an interrupted creation an unfinished resource, behind what it needs", () => {
    const recovered = recoverResources({
      resources: [resource("a")],
      pendingOperations: [{ type: "creating", resource: resource("b", { dependencies: ["a"] }) }],
    });
    expect(recovered.map(({ urn }) => urn)).toEqual(["a", "b"]);
    expect(recovered[1]?.initErrors).toHaveLength(1);
    expect(recovered[0]?.initErrors).toBeUndefined();
  });

  it.each(["updating", "deleting"] as const)("does an interrupted %s again", (type) => {
    const recovered = recoverResources({
      resources: [resource("a", { inputs: { x: 1 } })],
      pendingOperations: [{ type, resource: resource("a", { inputs: { x: 2 } }) }],
    });
    expect(recovered).toEqual([
      resource("a", { inputs: { x: 1 }, initErrors: ["the last operation was interrupted"] }),
    ]);
  });

  it("keeps a replaced resource that awaits deletion beside its successor", () => {
    const old = resource("a", { delete: true });
    const recovered = recoverResources({
      resources: [old],
      pendingOperations: [{ type: "creating", resource: resource("a") }],
    });
    expect(recovered).toEqual([old, resource("a", { initErrors: expect.any(Array) as never })]);
  });
});
