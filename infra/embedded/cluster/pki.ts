import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { binaryDirectory } from "../../paths.ts";
import { runCommand } from "../../run-command.ts";
import { TOOL_MODULES } from "../tools/catalogue.ts";
import { CLUSTER_CIDR, NODE_ADDRESS, NODE_NAME, PORTS, places, SERVICE_CIDR } from "./layout.ts";

const kubeadmConfiguration = (): string => `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: ${NODE_ADDRESS}, bindPort: ${PORTS.apiServer}}
nodeRegistration: {name: ${NODE_NAME}}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: ${TOOL_MODULES.kubernetes.version}
certificatesDir: ${places.pki}
controlPlaneEndpoint: ${NODE_ADDRESS}:${PORTS.apiServer}
networking: {serviceSubnet: ${SERVICE_CIDR}, podSubnet: ${CLUSTER_CIDR}}
apiServer: {certSANs: [127.0.0.1, localhost, ${NODE_NAME}]}
`;

/** What kubeadm writes last, in its order. */
const KUBECONFIGS = ["admin", "super-admin", "kubelet", "controller-manager", "scheduler"];

/** Whether kubeadm came to its end: all kubeconfigs are there, which it writes after all certificates. */
export const isPkiComplete = async (directory: string): Promise<boolean> => {
  const names = await readdir(directory).catch((): readonly string[] => []);
  return KUBECONFIGS.every((name) => names.includes(`${name}.conf`));
};

/**
 * Makes the cluster's certificates and kubeconfigs with kubeadm's own phases, once. After an interruption they run again:
 * they keep what is there and valid.
 */
export const ensurePki = async (): Promise<void> => {
  if (await isPkiComplete(places.kubeconfigs)) return;
  await mkdir(places.configuration, { recursive: true });
  const configuration = join(places.configuration, "kubeadm.yaml");
  await writeFile(configuration, kubeadmConfiguration());
  const kubeadm = join(binaryDirectory, "kubeadm");
  await runCommand(kubeadm, ["init", "phase", "certs", "all", "--config", configuration]);
  await runCommand(kubeadm, [
    ...["init", "phase", "kubeconfig", "all", "--config", configuration],
    ...["--kubeconfig-dir", places.kubeconfigs],
  ]);
};
