import { requireFreePort } from "../embedded/cluster/host.ts";
import { ensureProcess } from "../embedded/cluster/processes.ts";
import { type Deployed, kubectlFlags } from "./deployed.ts";

/** Name of the process that forwards the service's port to this machine. */
export const PORT_FORWARD = "port-forward";

const answers = (url: string): Promise<boolean> =>
  fetch(`${url}/livez`, { signal: AbortSignal.timeout(2_000) }).then(
    (response) => response.ok,
    () => false,
  );

/**
 * Makes the service answer at its URL on 127.0.0.1 where the cluster itself does not open the port: by a `kubectl port-forward` that
 * stays when this command ends.
 */
export const reachService = async (stack: Deployed): Promise<void> => {
  const { url } = stack;
  if (await answers(url)) return;
  const { port } = new URL(url);
  await requireFreePort(Number(port), "the service");
  await ensureProcess({
    name: PORT_FORWARD,
    program: "kubectl",
    args: [...kubectlFlags(stack), ...["port-forward", "service/api", `${port}:${port}`]],
    isReady: () => answers(url),
  });
};
