import { type ResourceState, requirementsOf } from "./resource-state.ts";

/** A resource to delete, and those that must be gone before. */
export type Deletion = {
  readonly resource: ResourceState;
  readonly after: readonly ResourceState[];
};

/**
 * Orders deletions: a resource goes after everything that depends on it, is its child or uses it as provider.
 * Resources that are not in the list do not hold anything back.
 *
 * @param doomed the resources to delete, in the order of the state (dependencies first)
 * @returns the deletions in an order that may be followed one by one; those whose `after` is done may go side by side
 */
export const orderDeletions = (doomed: readonly ResourceState[]): readonly Deletion[] =>
  doomed
    .map((resource, index) => ({
      resource,
      // The state holds dependencies first, so what depends on a resource stands behind it: this cannot form a circle.
      after: doomed
        .slice(index + 1)
        .filter((other) => requirementsOf(other).includes(resource.urn)),
    }))
    .reverse();
