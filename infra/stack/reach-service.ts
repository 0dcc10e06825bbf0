import { requireFreePort } from "../embedded/cluster/host.ts";
import { SERVICE_PORT } from "../embedded/cluster/layout.ts";
import { ensureProcess } from "../embedded/cluster/processes.ts";

/** Name of the process that forwards the service's port to this machine. */
export const PORT_FORWARD = "port-forward";

const answers = (): Promise<boolean> =>
  fetch(`http://127.0.0.1:${SERVICE_PORT}/livez`, { signal: AbortSignal.timeout(2_000) }).then(
    (response) => response.ok,
    () => false,
  );

/**
 * Makes the service answer on 127.0.0.1 where the cluster itself does not open the port: by a `kubectl port-forward` that
 * stays when this command ends.
 */
export const reachService = async (kubeconfig: string, namespace: string): Promise<void> => {
  if (await answers()) return;
  await requireFreePort(SERVICE_PORT, "the service");
  await ensureProcess({
    name: PORT_FORWARD,
    program: "kubectl",
    args: [
      ...["--kubeconfig", kubeconfig, "--namespace", namespace],
      ...["port-forward", "service/api", `${SERVICE_PORT}:${SERVICE_PORT}`],
    ],
    isReady: answers,
  });
};
