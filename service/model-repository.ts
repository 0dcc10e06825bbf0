import { basename } from "node:path";
import type { Logger } from "pino";
import { type ListedModel, listModels } from "../model/list-models.ts";
import type { ModelMetadata } from "../model/metadata.ts";
import { ModelError } from "../model/model-error.ts";
import type { Precision } from "../model/precision.ts";
import { resolveName } from "../model/store.ts";
import { createInTurn } from "./in-turn.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { ProblemError } from "./problem.ts";
import type { Pool } from "./worker-pool/pool.ts";

export type ModelRepositoryOptions = {
  /** A model store, or one model's directory. */
  readonly directory: string;
  readonly precision?: Precision | undefined;
  /** Models that may be loaded at once, the one of /predict among them. */
  readonly maxModels: number;
  readonly pool: Pick<Pool, "add" | "remove">;
  readonly lifecycle: Lifecycle;
  readonly log: Logger;
};

/** A model that answers, for as long as the lease is held. */
export type ModelLease = {
  readonly model: ModelMetadata;
  /** By which the pool knows it; undefined for the one of /predict, which may be replaced at any time. */
  readonly digest: string | undefined;
  readonly release: () => void;
};

/** A line of the repository's index, in the words of the Open Inference Protocol. */
type RepositoryEntry = {
  readonly name: string;
  readonly version: string;
  readonly state: "READY" | "UNAVAILABLE" | "UNLOADING";
  readonly reason: string;
};

/** The models of a store: the one of /predict, and others that are loaded beside it by their names. */
export type ModelRepository = {
  /** The models that answer, the one of /predict first. */
  loaded(): readonly ModelMetadata[];
  /** The model of a name, and of a version where one is given; undefined when none of the loaded ones is. */
  lease(name: string, version?: string): ModelLease | undefined;
  index(): Promise<RepositoryEntry[]>;
  /**
   * Loads a model of the store, and proves it by its golden pictures. One of the same name that was loaded before it
   * answers until then.
   *
   * @param version default: the one of /predict if it has this name, else the one that the store offers by the name
   * @throws ProblemError `starting`, `not-found`, `model-conflict` (too many, or refused) or `worker-crashed`
   */
  load(name: string, version?: string): Promise<void>;
  /** Answers no new request of a model, waits for those under way and releases it. @throws ProblemError `not-found` or `model-conflict` */
  unload(name: string): Promise<void>;
};

type Entry = { readonly model: ModelMetadata; users: number; onIdle?: () => void };

const none = (what: string, there: readonly string[]): ProblemError =>
  new ProblemError("not-found", `${what}; there is ${there.join(", ") || "none"}.`);

const label = ({ name, version }: Pick<ModelMetadata, "name" | "version">): string =>
  `${name} ${version}`;

/** Creates the repository. It does nothing until it is asked. */
export const createModelRepository = (options: ModelRepositoryOptions): ModelRepository => {
  const { directory, precision, maxModels, pool, lifecycle, log } = options;
  const beside = new Map<string, Entry>();
  const leaving = new Set<Entry>();
  // One change at a time.
  const inTurn = createInTurn();

  const loaded: ModelRepository["loaded"] = () => [
    ...(lifecycle.model ? [lifecycle.model] : []),
    ...[...beside.values()].map(({ model }) => model),
  ];

  const lease: ModelRepository["lease"] = (name, version) => {
    const matches = (model: ModelMetadata): boolean =>
      model.name === name && (version === undefined || model.version === version);
    if (lifecycle.model && matches(lifecycle.model)) {
      return { model: lifecycle.model, digest: undefined, release: () => undefined };
    }
    const entry = beside.get(name);
    if (!entry || !matches(entry.model)) return undefined;
    entry.users += 1;
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      entry.users -= 1;
      if (entry.users === 0) entry.onIdle?.();
    };
    return { model: entry.model, digest: entry.model.digest, release };
  };

  /** Waits until nobody uses it any more, which a request's deadline bounds, and releases it. */
  const retire = async (entry: Entry): Promise<void> => {
    leaving.add(entry);
    if (entry.users > 0) {
      await new Promise<void>((resolve) => {
        entry.onIdle = resolve;
      });
    }
    await pool.remove(entry.model.digest);
    leaving.delete(entry);
    log.info({ model: label(entry.model) }, "model unloaded");
  };

  const choose = async (name: string, version: string | undefined): Promise<ListedModel> => {
    const { models } = await listModels(directory, precision);
    const named = models.filter((model) => model.name === name);
    if (named.length === 0) {
      throw none(`The store has no model "${name}"`, [...new Set(models.map((m) => m.name))]);
    }
    if (version !== undefined) {
      const exact = named.find((model) => model.version === version);
      if (exact) return exact;
      throw none(`The store has no version "${version}" of ${name}`, named.map(label));
    }
    const served = named.find(({ digest }) => digest === lifecycle.model?.digest);
    if (served) return served;
    const offered = (await resolveName(directory, name))?.directory;
    const [first, ...others] = named;
    const found = named.find((model) => model.directory === offered);
    if (found) return found;
    if (first && others.length === 0) return first;
    throw new ProblemError(
      "model-conflict",
      `The store offers none of ${named.map(label).join(", ")} by the name alone; say which as parameters.version.`,
    );
  };

  const takeUp = async (reference: ListedModel): Promise<ModelMetadata> => {
    try {
      return await pool.add(reference);
    } catch (error) {
      const reason = error instanceof ModelError ? error.message : "its worker ended; try again.";
      throw new ProblemError(
        "model-conflict",
        `${label(reference)} is not loaded: ${reason}`,
        // Its own kinds of failure are in the answer; anything else is for the log.
        { cause: error },
      );
    }
  };

  const load: ModelRepository["load"] = (name, version) =>
    inTurn(async () => {
      if (!lifecycle.model) {
        throw new ProblemError("starting", "No model serves yet; try again soon.");
      }
      const wanted = await choose(name, version);
      if (loaded().some(({ digest }) => digest === wanted.digest)) return;
      const before = beside.get(name);
      if (!before && loaded().length >= maxModels) {
        throw new ProblemError(
          "model-conflict",
          `${maxModels} models are loaded, as many as MAX_MODELS allows; unload one of ${[...beside.keys()].join(", ")} first.`,
        );
      }
      const model = await takeUp(wanted);
      beside.set(name, { model, users: 0 });
      log.info({ model: label(model), digest: model.digest }, "model loaded");
      if (before) await retire(before);
    });

  const unload: ModelRepository["unload"] = (name) =>
    inTurn(async () => {
      const entry = beside.get(name);
      if (entry) {
        beside.delete(name);
        return retire(entry);
      }
      if (lifecycle.model?.name === name) {
        throw new ProblemError(
          "model-conflict",
          `${label(lifecycle.model)} answers /predict; publish another model in its place.`,
        );
      }
      throw none(`No model "${name}" is loaded`, loaded().map(label));
    });

  const index: ModelRepository["index"] = async () => {
    const { models, unusable } = await listModels(directory, precision);
    const ready = loaded();
    const left = new Set([...leaving].map(({ model }) => model.digest));
    const stateOf = (digest: string): RepositoryEntry["state"] => {
      if (ready.some((model) => model.digest === digest)) return "READY";
      return left.has(digest) ? "UNLOADING" : "UNAVAILABLE";
    };
    const gone = ready.filter(({ digest }) => !models.some((model) => model.digest === digest));
    return [
      ...[...gone, ...models].map(({ name, version, digest }) => {
        const state = stateOf(digest);
        return { name, version, state, reason: state === "UNAVAILABLE" ? "not loaded" : "" };
      }),
      ...unusable.map((model) => ({
        name: "unknown",
        version: basename(model.directory).slice(0, 12),
        state: "UNAVAILABLE" as const,
        reason: model.reason,
      })),
    ];
  };

  return { loaded, lease, index, load, unload };
};
