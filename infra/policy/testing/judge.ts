import type {
  Policies,
  PolicyResource,
  ResourceValidationArgs,
  ResourceValidationPolicy,
  StackValidationArgs,
  StackValidationPolicy,
} from "@pulumi/policy";
import * as proxy from "@pulumi/policy/proxy.js";
import type { Exemption } from "../exemptions.ts";
import { policiesFor, type Target } from "../policies.ts";
import type { PolicyName } from "../policy-names.ts";

/** Internal to the package: what makes unknown values throw, and stands for them. */
const { unknownCheckingProxy, unknownStringValue } = proxy as unknown as {
  readonly unknownCheckingProxy: (props: object) => object;
  readonly unknownStringValue: string;
};

/** What a program declares. */
export type Declared = { readonly type: string; readonly name: string; readonly inputs: object };

/** A value that a preview does not know. */
export const UNKNOWN = unknownStringValue;

const isStackPolicy = (policy: Policies[number]): policy is StackValidationPolicy =>
  "validateStack" in policy;

const validate = async (
  { validateResource }: ResourceValidationPolicy,
  resource: PolicyResource,
  report: (message: string) => void,
): Promise<void> => {
  for (const each of [validateResource ?? []].flat()) {
    await each(resource as unknown as ResourceValidationArgs, report);
  }
};

/** Judges resources as the SDK would. @returns what each policy reports, with the name of the policy in front */
export const judge = async (
  target: Target,
  declared: readonly Declared[],
  exemptions: readonly Exemption[] = [],
): Promise<readonly string[]> => {
  const resources = declared.map(({ type, name, inputs }) => ({
    ...{ type, name, urn: `urn:pulumi:test::test::${type}::${name}` },
    props: unknownCheckingProxy(inputs),
  })) as unknown as PolicyResource[];
  const found: string[] = [];
  for (const policy of policiesFor(target, exemptions)) {
    const report = (message: unknown): void =>
      void found.push(`${policy.name}: ${String(message)}`);
    if (isStackPolicy(policy)) {
      await policy.validateStack({ resources } as unknown as StackValidationArgs, report);
    } else {
      for (const resource of resources) await validate(policy, resource, report);
    }
  }
  return found;
};

/** {@link judge} of one resource, reduced to one policy. */
export const judgeBy = async (
  policy: PolicyName,
  declared: Declared,
  target: Target = "existing",
): Promise<readonly string[]> =>
  (await judge(target, [declared]))
    .filter((line) => line.startsWith(`${policy}: `))
    .map((line) => line.slice(policy.length + 2));
