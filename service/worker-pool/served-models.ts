import type { ModelMetadata } from "../../model/metadata.ts";
import type { ModelReference } from "../../model/model-files.ts";
import { endWorker } from "./end-worker.ts";
import { loadInto, type Member, send } from "./member.ts";
import { WorkerCrashedError } from "./worker-crashed-error.ts";

export type ServedModelsOptions = {
  readonly members: ReadonlySet<Member>;
  /** Told when a worker begins to serve a model. */
  readonly onServing: () => void;
  /** Told when a worker has one beside it. */
  readonly onAdded: () => void;
  /** Told about a new worker that cannot load what the others have. */
  readonly onFault: (fault: "worker-restart-failed", error: unknown) => void;
};

/** Which models the workers have. Its changes must not overlap. */
export type ServedModels = {
  /** Loads a model in one worker after the other, and then serves it in all. @throws ModelError, WorkerCrashedError */
  use(model: ModelReference): Promise<ModelMetadata>;
  /** Loads a model beside the one that serves, in every worker or in none. @throws ModelError, WorkerCrashedError */
  add(model: ModelReference): Promise<ModelMetadata>;
  /** Has every worker drop a model that was added. */
  remove(digest: string): void;
  /** Gives a new worker the model that serves, and those beside it. Without the first it ends. */
  bring(member: Member): Promise<void>;
  /** The model that made an answer. */
  find(digest: string): ModelMetadata | undefined;
};

/**
 * Runs a load in one after the other of the workers that there are now. One that ends before its turn is left out: it would never
 * answer, and its replacement loads what the others have.
 *
 * @returns what the last one says of the model
 */
const inEach = async (
  members: ReadonlySet<Member>,
  load: (member: Member) => Promise<ModelMetadata>,
): Promise<ModelMetadata> => {
  let metadata: ModelMetadata | undefined;
  for (const member of [...members]) if (members.has(member)) metadata = await load(member);
  if (!metadata) throw new WorkerCrashedError("No worker is running; see the log.");
  return metadata;
};

/** Creates the record of models; none is loaded yet. */
export const createServedModels = (options: ServedModelsOptions): ServedModels => {
  const { members, onServing, onAdded, onFault } = options;
  // The serving model, and the one before it, which may still owe answers.
  let known: readonly ModelMetadata[] = [];
  let current: ModelReference | undefined;
  // Models beside the serving one, by digest.
  const beside = new Map<
    string,
    { readonly model: ModelReference; readonly about: ModelMetadata }
  >();

  const serve = (member: Member, digest: string): void => {
    send(member, { type: "use", digest });
    member.ready = true;
    onServing();
  };

  const keepIn = async (member: Member, model: ModelReference): Promise<ModelMetadata> => {
    const about = await loadInto(member, model, true);
    member.beside.add(model.digest);
    onAdded();
    return about;
  };

  const use = async (model: ModelReference): Promise<ModelMetadata> => {
    const loaded: Member[] = [];
    let metadata: ModelMetadata;
    try {
      metadata = await inEach(members, async (member) => {
        const about = await loadInto(member, model);
        loaded.push(member);
        return about;
      });
    } catch (error) {
      for (const member of members) send(member, { type: "discard" });
      throw error;
    }
    current = model;
    known = [metadata, ...known].slice(0, 2);
    // Not a worker that was replaced meanwhile: it has yet to load.
    for (const member of loaded) serve(member, model.digest);
    return metadata;
  };

  const remove = (digest: string): void => {
    beside.delete(digest);
    for (const member of members) {
      member.beside.delete(digest);
      send(member, { type: "drop", digest });
    }
  };

  const add = async (model: ModelReference): Promise<ModelMetadata> => {
    try {
      const about = await inEach(members, (member) => keepIn(member, model));
      beside.set(model.digest, { model, about });
      return about;
    } catch (error) {
      remove(model.digest);
      throw error;
    }
  };

  const bring = async (member: Member): Promise<void> => {
    if (!current || !members.has(member)) return;
    try {
      await loadInto(member, current);
      serve(member, current.digest);
    } catch (error) {
      if (!members.has(member)) return;
      onFault("worker-restart-failed", error);
      await endWorker(member.worker);
      return;
    }
    for (const { model } of beside.values()) {
      if (!members.has(member)) return;
      // It has the model that serves: that is worth more than the whole of what is beside it.
      await keepIn(member, model).catch((error: unknown) => {
        if (members.has(member)) onFault("worker-restart-failed", error);
      });
    }
  };

  return {
    ...{ use, add, remove, bring },
    find: (digest) =>
      known.find((metadata) => metadata.digest === digest) ?? beside.get(digest)?.about,
  };
};
