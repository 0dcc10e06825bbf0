import type { ResourceState } from "./resource-state.ts";
import type { Snapshot } from "./state/checkpoint.ts";

const REASON = "the last operation was interrupted";

/**
 * Makes the resources of a snapshot whose operation was killed safe to go on with: whatever an operation was under way on
 * counts as existing but unfinished. So the next update does it again (applying and commands are repeatable), a refresh looks
 * whether it is there, and a destroy deletes it, which for one that never came to be does nothing.
 */
export const recoverResources = ({
  resources,
  pendingOperations,
}: Snapshot): readonly ResourceState[] => {
  const interrupted = new Set(pendingOperations.map(({ resource }) => resource.urn));
  const kept = resources.map((resource) =>
    interrupted.has(resource.urn) && resource.delete !== true
      ? { ...resource, initErrors: [REASON] }
      : resource,
  );
  const known = new Set(resources.filter((each) => each.delete !== true).map(({ urn }) => urn));
  const unfinished = pendingOperations
    .filter(({ type, resource }) => type === "creating" && !known.has(resource.urn))
    .map(({ resource }) => ({ ...resource, initErrors: [REASON] }));
  return [...kept, ...unfinished];
};
