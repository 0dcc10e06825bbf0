import { containersOf } from "../../policy/cluster-object.ts";
import { missingAmounts } from "../../policy/rules/requests-and-limits.ts";
import { restrictedPodSecurity } from "../../policy/rules/restricted-pod-security.ts";
import type { Recorded, Recording } from "./record-program.ts";

// biome-ignore lint/suspicious/noExplicitAny: rendered objects, as an API server would get them
type Rendered = any;

/** Objects of a kind, such as `apps/v1:Deployment`. */
export const objectsOf = ({ resources }: Recording, kind: string): readonly Recorded[] =>
  resources.filter(({ type }) => type === `kubernetes:${kind}`);

/** Every pod template of a recording, by the name of its owner. */
export const podTemplates = ({ resources }: Recording): Readonly<Record<string, Rendered>> =>
  Object.fromEntries(
    resources
      // A CronJob's pods are those of the Jobs that it makes.
      .map(({ name, inputs }) => [name, (inputs.spec?.jobTemplate ?? inputs).spec?.template])
      .filter(([, template]) => template),
  );

/** What a pod's spec violates of the policies that every pod must keep to, and of this project's own bar beyond them. */
export const podViolations = (pod: Rendered): readonly string[] => {
  const containers = containersOf(pod);
  return [
    ...restrictedPodSecurity(pod),
    ...missingAmounts(pod),
    ...(containers.length === 0 ? ["no container"] : []),
    ...(pod.automountServiceAccountToken === false ? [] : ["service-account token"]),
    ...containers
      .filter(({ container }: Rendered) => !container.securityContext?.readOnlyRootFilesystem)
      .map(({ label }) => `${label} may write its root file system`),
  ];
};

/** Whether a label selector picks a pod template. */
export const selects = (
  matchLabels: Readonly<Record<string, string>>,
  template: Rendered,
): boolean =>
  Object.entries(matchLabels).every(([key, value]) => template.metadata?.labels?.[key] === value);
