import { access } from "node:fs/promises";
import { step } from "../console.ts";
import { requireFreePort, requireRoot } from "../embedded/cluster/host.ts";
import { GIT_PORT, places } from "../embedded/cluster/layout.ts";
import { startCluster } from "../embedded/cluster/start.ts";
import { minikubeKubeconfig } from "../paths.ts";
import { runCommand, tryCommand } from "../run-command.ts";
import { findDeployed } from "./deployed.ts";
import type { Selection } from "./selection.ts";

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/**
 * Brings a declared cluster back that has stopped since, by a reboot or a killed process, or that is gone altogether, by a
 * `make down` that came halfway. The program starts a cluster only when it is created: an unchanged resource is left alone.
 */
export const healCluster = async (selection: Selection): Promise<void> => {
  const { cluster, servicePort, argoCd } = selection;
  if (cluster.kind === "embedded") {
    requireRoot();
    // kube-proxy serves these ports without a socket: whoever has one there would never get a request again.
    await requireFreePort(servicePort, "the service");
    if (argoCd) await requireFreePort(GIT_PORT, "the Git repository");
    // Neither is there before the first deployment: then the program starts the cluster, once no policy is violated.
    if ((await exists(places.adminKubeconfig)) || (await findDeployed(selection))) {
      await startCluster();
    }
    return;
  }
  if (cluster.kind === "minikube") {
    const args = ["--profile", cluster.profile];
    const env = { ...process.env, KUBECONFIG: minikubeKubeconfig(cluster.profile) };
    const status = ["status", ...args, "--format", "{{.Host}}"];
    const { stdout } = await tryCommand("minikube", status, { env });
    if (stdout.includes("Stopped")) {
      await step("starting the stopped Minikube", () =>
        runCommand("minikube", ["start", ...args], { env }),
      );
    }
  }
};
