import { type Change, diffProperties } from "./diff.ts";
import { isInside, parsePath, valueAt, withValueAt } from "./property-path.ts";
import type { PropertyMap } from "./property-values.ts";
import type { ResourceState } from "./resource-state.ts";

/** What happens to one resource, as `pulumi preview` names it. */
export type Operation = "create" | "update" | "replace" | "delete" | "same" | "drop";

/** What the program asks for, checked by its provider. */
export type Goal = {
  readonly inputs: PropertyMap;
  readonly ignoreChanges: readonly string[];
  readonly replaceOnChanges: readonly string[];
};

/**
 * What has to be done, as far as the inputs tell. A `change` is an update unless `mustReplace` is set or the provider
 * finds a field that cannot change in place.
 */
export type Step =
  | { readonly kind: "create"; readonly inputs: PropertyMap }
  | { readonly kind: "same"; readonly inputs: PropertyMap }
  | {
      readonly kind: "change";
      readonly inputs: PropertyMap;
      readonly changes: readonly Change[];
      readonly mustReplace: boolean;
    };

const keepIgnored = (old: PropertyMap, goal: Goal): PropertyMap =>
  goal.ignoreChanges
    .map(parsePath)
    .reduce((inputs, path) => withValueAt(inputs, path, valueAt(old, path)), goal.inputs);

/**
 * Compares the program's wish with the state.
 *
 * @param old the state of before; undefined when the resource does not exist (any more)
 */
export const planStep = (old: ResourceState | undefined, goal: Goal): Step => {
  if (old === undefined) return { kind: "create", inputs: goal.inputs };
  const oldInputs = old.inputs ?? {};
  const inputs = keepIgnored(oldInputs, goal);
  const changes = diffProperties(oldInputs, inputs);
  // An operation that did not end well is tried again although nothing was changed.
  if (changes.length === 0 && (old.initErrors ?? []).length === 0) return { kind: "same", inputs };
  const outer = goal.replaceOnChanges.map(parsePath);
  const mustReplace = changes.some(({ path }) =>
    outer.some((wanted) => isInside(path, wanted) || wanted[0] === "*"),
  );
  return { kind: "change", inputs, changes, mustReplace };
};
