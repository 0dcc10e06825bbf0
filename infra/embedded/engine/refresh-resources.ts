import { diffProperties } from "./diff.ts";
import { markSecretKeys } from "./property-values.ts";
import { isProviderType } from "./register-provider.ts";
import type { ResourceState } from "./resource-state.ts";
import { contextFor, providerOf, type Session } from "./session.ts";

/** Reads one resource. @returns its state as it is now; undefined when it is gone */
const refreshOne = async (
  session: Session,
  resource: ResourceState,
): Promise<ResourceState | undefined> => {
  const provider = providerOf(session, resource.type);
  if (!resource.custom || isProviderType(resource.type) || provider === undefined) return resource;
  const { urn, inputs = {} } = resource;
  const found = await provider.read(resource, contextFor(session, resource, undefined));
  if (found === undefined) {
    session.display.plan("delete", urn, []);
    session.count("delete");
    return undefined;
  }
  const changes = diffProperties(inputs, found.inputs);
  session.display.plan(changes.length > 0 ? "update" : "same", urn, changes);
  session.count(changes.length > 0 ? "update" : "same");
  const outputs = markSecretKeys(found.outputs, resource.additionalSecretOutputs ?? []);
  return { ...resource, inputs: found.inputs, outputs };
};

/** Makes the state say what there is: missing resources are removed from it, changes of others are taken in. */
export const refreshResources = async (session: Session): Promise<void> => {
  const resources = session.journal.all();
  const found = await Promise.all(
    resources.map((resource) =>
      session.limit(async () => {
        try {
          session.checkRunning();
          return await refreshOne(session, resource);
        } catch (error) {
          session.fail(error, { urn: resource.urn, inputs: resource.inputs ?? {} });
          return resource;
        }
      }),
    ),
  );
  const gone = resources.filter((_, index) => found[index] === undefined);
  for (const state of found) {
    if (state !== undefined && state.delete !== true) session.journal.keep(state);
  }
  await session.journal.forget(gone);
};
