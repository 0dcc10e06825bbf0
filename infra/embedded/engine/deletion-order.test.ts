import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { orderDeletions } from "./deletion-order.ts";
import { type ResourceState, requirementsOf } from "./resource-state.ts";

const resource = (name: string, more: Partial<ResourceState> = {}): ResourceState => ({
  urn: `urn:pulumi:dev::p::t::${name}`,
  custom: true,
  type: "t",
  ...more,
});
const urn = (name: string): string => resource(name).urn;
const names = (resources: readonly ResourceState[]): readonly string[] =>
  resources.map((each) => each.urn.split("::").at(-1) ?? "");

describe("orderDeletions", () => {
  it("deletes dependents, children and users of a provider first", () => {
    const order = orderDeletions([
      resource("provider"),
      resource("parent"),
      resource("a", { parent: urn("parent"), provider: `${urn("provider")}::id` }),
      resource("b", { dependencies: [urn("a")] }),
      resource("c", { propertyDependencies: { x: [urn("a")] } }),
    ]);
    expect(names(order.map((each) => each.resource))).toEqual([
      "c",
      "b",
      "a",
      "parent",
      "provider",
    ]);
    expect(Object.fromEntries(order.map((each) => [each.resource.urn, names(each.after)]))).toEqual(
      {
        [urn("c")]: [],
        [urn("b")]: [],
        [urn("a")]: ["b", "c"],
        [urn("parent")]: ["a"],
        [urn("provider")]: ["a"],
      },
    );
  });

  it("is not held back by what stays", () => {
    const [only] = orderDeletions([resource("a", { dependencies: [urn("kept")] })]);
    expect(only?.after).toEqual([]);
  });

  it("never deletes what something later still needs", () => {
    const states = fc.array(fc.array(fc.nat(9), { maxLength: 4 }), { maxLength: 12 }).map((edges) =>
      edges.map((targets, index) =>
        resource(String(index), {
          // Only what came before can be depended on: so does the state order resources.
          dependencies: targets
            .filter((target) => target < index)
            .map((target) => urn(String(target))),
        }),
      ),
    );
    fc.assert(
      fc.property(states, (doomed) => {
        const gone = new Set<string>();
        for (const { resource: each, after } of orderDeletions(doomed)) {
          if (after.some((other) => !gone.has(other.urn))) return false;
          const needed = doomed.some(
            (other) => !gone.has(other.urn) && requirementsOf(other).includes(each.urn),
          );
          if (needed) return false;
          gone.add(each.urn);
        }
        return gone.size === doomed.length;
      }),
    );
  });
});
