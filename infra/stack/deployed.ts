import { UserError } from "../user-error.ts";
import { outputsOf } from "./operations.ts";
import type { Selection } from "./selection.ts";

/** What commands need to know of a deployed stack. */
export type Deployed = {
  readonly url: string;
  readonly namespace: string;
  readonly kubeconfig: string;
  /** Context of the kubeconfig; undefined: its current one. */
  readonly context: string | undefined;
  /** Namespace and name of the Application that deploys the service, when Argo CD does. */
  readonly application: string | undefined;
};

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;

/** The outputs of a stack; undefined when it is not deployed. */
export const findDeployed = async (selection: Selection): Promise<Deployed | undefined> => {
  const { url, namespace, kubeconfig, context, application } = await outputsOf(selection);
  if (typeof url !== "string" || typeof namespace !== "string" || typeof kubeconfig !== "string") {
    return undefined;
  }
  return { url, namespace, kubeconfig, context: textOf(context), application: textOf(application) };
};

/** The outputs of a stack. @throws UserError when it is not deployed */
export const deployed = async (selection: Selection): Promise<Deployed> => {
  const found = await findDeployed(selection);
  if (found) return found;
  throw new UserError(`stack ${selection.stack} is not deployed; run \`make up\` first.`);
};

/** Flags with which kubectl works in the stack's namespace of the stack's own cluster. */
export const kubectlFlags = ({ kubeconfig, context, namespace }: Deployed): readonly string[] => [
  ...["--kubeconfig", kubeconfig, "--namespace", namespace],
  ...(context === undefined ? [] : ["--context", context]),
];
