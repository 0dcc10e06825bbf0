import type { PolicyName } from "./policy-names.ts";

/** Objects that need not keep to a policy, and why not. */
export type Exemption = {
  readonly policies: readonly [PolicyName, ...PolicyName[]];
  /** The namespace of the objects; of a Namespace, its own name. */
  readonly namespace: string;
  /** Only the object of this name. @default every object of the namespace */
  readonly name?: string;
  /** What makes it necessary, and what stands in for the policy. */
  readonly reason: string;
};

/** Every exemption of the platform. Keep entries narrow: the object's name wherever it is one object that needs it. */
export const exemptions: readonly Exemption[] = [];
