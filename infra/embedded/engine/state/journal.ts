import type { PendingOperation, ResourceState } from "../resource-state.ts";
import type { Snapshot } from "./checkpoint.ts";

/** The resources of a running operation. Every change is on disk when its promise resolves. */
export type Journal = {
  /** The last known state of a resource, of this run or an earlier one. */
  find(urn: string): ResourceState | undefined;
  /** Every resource that exists now, replaced ones that await deletion included. */
  all(): readonly ResourceState[];
  /** Records that an operation is about to start. */
  begin(operation: PendingOperation): Promise<void>;
  /** Records the outcome: the new state, or undefined when the resource is gone. */
  end(operation: PendingOperation, outcome: ResourceState | undefined): Promise<void>;
  /** Takes a resource over as it is. Saved with the next change, or by `flush`. */
  keep(resource: ResourceState): void;
  /** Renames a resource for which the program gave an alias. */
  rename(from: string, to: string): void;
  /** Moves a replaced resource aside, to be deleted at the end. */
  condemn(resource: ResourceState): Promise<void>;
  /** Drops resources that no longer exist anywhere. */
  forget(resources: readonly ResourceState[]): Promise<void>;
  flush(): Promise<void>;
};

/**
 * Keeps the resources of a running operation.
 *
 * @param before what the last operation left; earlier resources keep their order behind those that this run has done
 * @param save writes a snapshot durably; called one at a time
 */
export const createJournal = (
  before: readonly ResourceState[],
  save: (snapshot: Snapshot) => Promise<void>,
): Journal => {
  let condemned = before.filter((resource) => resource.delete === true);
  const old = new Map(
    before
      .filter((resource) => resource.delete !== true)
      .map((resource) => [resource.urn, resource]),
  );
  const done = new Map<string, ResourceState>();
  const pending = new Set<PendingOperation>();

  const all = (): readonly ResourceState[] => [...done.values(), ...old.values(), ...condemned];

  let writing = Promise.resolve();
  let queued: Promise<void> | undefined;
  // Changes that arrive while a write runs share the next one.
  const flush = (): Promise<void> => {
    queued ??= writing.then(() => {
      queued = undefined;
      writing = save({ resources: all(), pendingOperations: [...pending] });
      return writing;
    });
    return queued;
  };

  const keep = (resource: ResourceState): void => {
    old.delete(resource.urn);
    done.set(resource.urn, resource);
  };

  const remove = (resource: ResourceState): void => {
    if (resource.delete === true) {
      condemned = condemned.filter((other) => other !== resource);
    } else {
      old.delete(resource.urn);
      done.delete(resource.urn);
    }
  };

  return {
    find: (urn) => done.get(urn) ?? old.get(urn),
    all,
    begin: (operation) => {
      pending.add(operation);
      return flush();
    },
    end: (operation, outcome) => {
      pending.delete(operation);
      if (outcome === undefined) remove(operation.resource);
      else keep(outcome);
      return flush();
    },
    keep,
    rename: (from, to) => {
      const resource = old.get(from);
      if (resource === undefined) return;
      old.delete(from);
      old.set(to, { ...resource, urn: to });
    },
    condemn: (resource) => {
      old.delete(resource.urn);
      condemned = [...condemned, { ...resource, delete: true }];
      return flush();
    },
    forget: (resources) => {
      for (const resource of resources) remove(resource);
      return flush();
    },
    flush,
  };
};
