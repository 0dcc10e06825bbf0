import type { Change } from "../diff.ts";
import type { PropertyMap } from "../property-values.ts";
import type { ResourceState } from "../resource-state.ts";

/** What a provider is told about the resource it works on. */
export type ResourceContext = {
  readonly urn: string;
  /** The inputs of the resource's provider, such as its kubeconfig; secrets inside. */
  readonly providerInputs: PropertyMap;
  /** Seconds; undefined for the provider's default. */
  readonly timeout: number | undefined;
  /** Aborted when the user gives up. */
  readonly signal: AbortSignal;
  /** Shows how a running step gets on. */
  readonly progress: (text: string) => void;
  readonly warn: (text: string) => void;
};

/** A resource as the provider leaves it. */
export type Outcome = { readonly id: string; readonly outputs: PropertyMap };

/** How declared changes can be made. */
type ChangePlan =
  | { readonly kind: "update"; readonly outputs?: PropertyMap }
  /** `beside`: the new one may be made before the old one goes, because they do not share a name. */
  | { readonly kind: "replace"; readonly beside: boolean };

/** Manages the resources of one package. Its methods get inputs that hold no unknown, except `check` and `plan`. */
export type Provider = {
  /** The resource types that it knows. */
  readonly supports: (type: string) => boolean;
  /** Validates and completes the inputs. @throws EngineError */
  readonly check: (type: string, inputs: PropertyMap, context: ResourceContext) => PropertyMap;
  /** Decides how changed inputs can be applied; in a preview, inputs may hold unknowns. */
  readonly plan: (
    old: ResourceState,
    inputs: PropertyMap,
    changes: readonly Change[],
    context: ResourceContext,
  ) => Promise<ChangePlan>;
  /** @throws PartialError when it exists but is not as it should be */
  readonly create: (
    type: string,
    inputs: PropertyMap,
    context: ResourceContext,
  ) => Promise<Outcome>;
  /** @throws PartialError when it was changed but is not as it should be */
  readonly update: (
    old: ResourceState,
    inputs: PropertyMap,
    context: ResourceContext,
  ) => Promise<Outcome>;
  /** Deletes it; one that is already gone is fine. */
  readonly remove: (old: ResourceState, context: ResourceContext) => Promise<void>;
  /** Reads what there is now. @returns undefined when it is gone */
  readonly read: (old: ResourceState, context: ResourceContext) => Promise<Reading | undefined>;
};

/** What a refresh found. `inputs` differ from the state's where someone else changed a managed field. */
type Reading = { readonly inputs: PropertyMap; readonly outputs: PropertyMap };

/** A resource that exists but is not ready or only half made: it is kept in the state, with the reason. */
export class PartialError extends Error {
  override readonly name = "PartialError";
  readonly outcome: Outcome;

  constructor(message: string, outcome: Outcome, options?: ErrorOptions) {
    super(message, options);
    this.outcome = outcome;
  }
}
