import { access } from "node:fs/promises";
import { step } from "../console.ts";
import { requireFreePort, requireRoot } from "../embedded/cluster/host.ts";
import { places, SERVICE_PORT } from "../embedded/cluster/layout.ts";
import { runningPid } from "../embedded/cluster/processes.ts";
import { startCluster } from "../embedded/cluster/start.ts";
import { runCommand, tryCommand } from "../run-command.ts";
import type { Selection } from "./selection.ts";

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/**
 * Brings a declared cluster back that has stopped since, by a reboot or a killed process. The program starts a cluster only
 * when it is created: an unchanged resource is left alone.
 */
export const healCluster = async ({ cluster }: Selection): Promise<void> => {
  if (cluster.kind === "embedded") {
    requireRoot();
    // Without a running kube-proxy the port is not ours: whoever listens there would get the service's requests.
    if (!(await runningPid("kube-proxy"))) await requireFreePort(SERVICE_PORT, "the service");
    if (await exists(places.adminKubeconfig)) await startCluster();
    return;
  }
  if (cluster.kind === "minikube") {
    const args = ["--profile", cluster.profile];
    const { stdout } = await tryCommand("minikube", ["status", ...args, "--format", "{{.Host}}"]);
    if (stdout.includes("Stopped")) {
      await step("starting the stopped Minikube", () => runCommand("minikube", ["start", ...args]));
    }
  }
};
