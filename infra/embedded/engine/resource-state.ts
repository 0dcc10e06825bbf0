import type { PropertyMap } from "./property-values.ts";

/** Seconds that an operation may take, where the program sets them. */
export type CustomTimeouts = {
  readonly create?: number;
  readonly update?: number;
  readonly delete?: number;
};

/** What is known of one resource, with the field names of Pulumi's checkpoint format. */
export type ResourceState = {
  readonly urn: string;
  /** Whether a provider manages it; components are not custom. */
  readonly custom: boolean;
  /** Replaced already, still to be deleted. */
  readonly delete?: boolean;
  readonly id?: string;
  readonly type: string;
  readonly inputs?: PropertyMap;
  readonly outputs?: PropertyMap;
  readonly parent?: string;
  readonly protect?: boolean;
  readonly dependencies?: readonly string[];
  /** Why it is not as declared although it exists; the next update tries again. */
  readonly initErrors?: readonly string[];
  /** `<provider URN>::<provider id>`. */
  readonly provider?: string;
  readonly propertyDependencies?: { readonly [property: string]: readonly string[] };
  readonly additionalSecretOutputs?: readonly string[];
  readonly customTimeouts?: CustomTimeouts;
  readonly retainOnDelete?: boolean;
  readonly deletedWith?: string;
  readonly created?: string;
  readonly modified?: string;
};

/** An operation that was under way when the state was written. */
export type PendingOperation = {
  readonly type: "creating" | "updating" | "deleting";
  readonly resource: ResourceState;
};

/** Splits a provider reference into URN and id. */
export const parseProviderReference = (
  reference: string,
): { readonly urn: string; readonly id: string } => {
  const at = reference.lastIndexOf("::");
  return { urn: reference.slice(0, at), id: reference.slice(at + 2) };
};

/** Every URN that must exist as long as this resource does. */
export const requirementsOf = (resource: ResourceState): readonly string[] => {
  const urns = [
    ...(resource.dependencies ?? []),
    ...Object.values(resource.propertyDependencies ?? {}).flat(),
    ...(resource.parent === undefined ? [] : [resource.parent]),
    ...(resource.deletedWith === undefined ? [] : [resource.deletedWith]),
    ...(resource.provider === undefined ? [] : [parseProviderReference(resource.provider).urn]),
  ];
  return [...new Set(urns)].filter((urn) => urn !== resource.urn);
};
