import { isPortOpen, requireFreePort } from "../embedded/cluster/host.ts";
import {
  ensureProcess,
  type ProcessSpec,
  runsAs,
  stopProcess,
} from "../embedded/cluster/processes.ts";
import { UserError } from "../user-error.ts";
import { type Deployed, kubectlFlags } from "./deployed.ts";
import type { Selection } from "./selection.ts";

/** Name of the process that forwards the service's port to this machine. */
export const PORT_FORWARD = "port-forward";

const answers = (url: string): Promise<boolean> =>
  fetch(`${url}/livez`, { signal: AbortSignal.timeout(2_000) }).then(
    (response) => response.ok,
    () => false,
  );

/**
 * Makes the service answer at its URL on 127.0.0.1 where the cluster itself does not open the port: by a `kubectl port-forward` that
 * stays when this command ends. One of another stack's gives way to it.
 *
 * @throws UserError when something else has the port: its answers would be taken for this service's
 */
export const reachService = async (
  stack: Deployed,
  { cluster }: Pick<Selection, "cluster">,
): Promise<void> => {
  const { url } = stack;
  const ownPort = cluster.kind === "embedded";
  if (ownPort && (await answers(url))) return;
  const port = Number(new URL(url).port);
  const forward: ProcessSpec = {
    name: PORT_FORWARD,
    program: "kubectl",
    args: [...kubectlFlags(stack), ...["port-forward", "service/api", `${port}:${port}`]],
    isReady: () => answers(url),
  };
  // One that runs and does not answer holds on to a pod that is gone.
  if ((await runsAs(forward)) && (await answers(url))) return;
  await stopProcess(PORT_FORWARD);
  await requireFreePort(port, "the service");
  // Without any listener the packet filter sends it elsewhere, and would go on doing so.
  if (!ownPort && (await isPortOpen(port))) {
    throw new UserError(
      `Port ${port} (the service) leads to another cluster or container of this machine; give this stack another service.port or take that one down, and run again.`,
    );
  }
  await ensureProcess(forward);
};
