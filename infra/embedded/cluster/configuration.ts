import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { hasSysResource } from "./host.ts";
import {
  BRIDGE,
  CGROUP,
  CLUSTER_CIDR,
  DNS_ADDRESS,
  NODE_ADDRESS,
  NODE_NAME,
  POD_CIDR,
  PORTS,
  places,
  REGISTRY,
} from "./layout.ts";

/** Upstream's pause image, as kubelets of this version name it. */
export const PAUSE_IMAGE = "registry.k8s.io/pause:3.10.1";

/** Files that the processes read, by what they are. */
export const configurationFiles = {
  containerd: join(places.configuration, "containerd.toml"),
  registryMirror: join(places.configuration, "registries", "_default", "hosts.toml"),
  kubelet: join(places.configuration, "kubelet.yaml"),
  kubeProxy: join(places.configuration, "kube-proxy.yaml"),
  registry: join(places.configuration, "registry.yaml"),
  cni: join(places.cni, "10-bridge.conflist"),
} as const;

const containerd = (restrictOomScore: boolean): string => `version = 2
root = "${places.containerd}/root"
state = "${places.containerd}/state"
[grpc]
  address = "${places.containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = ${restrictOomScore}
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${dirname(dirname(configurationFiles.registryMirror))}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${places.cni}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`;

// Every registry is asked for at the one on this machine first, by the image's upstream name.
const registryMirror = `[host."http://${REGISTRY}"]
  capabilities = ["pull", "resolve"]
`;

const cni = {
  cniVersion: "1.0.0",
  name: "pods",
  plugins: [
    {
      type: "bridge",
      bridge: BRIDGE,
      isGateway: true,
      ipMasq: true,
      hairpinMode: true,
      ipam: {
        type: "host-local",
        dataDir: join(places.cni, "addresses"),
        ranges: [[{ subnet: POD_CIDR }]],
        routes: [{ dst: "0.0.0.0/0" }],
      },
    },
  ],
};

const kubelet = {
  apiVersion: "kubelet.config.k8s.io/v1beta1",
  kind: "KubeletConfiguration",
  // Where the API server finds it, for logs and exec.
  address: NODE_ADDRESS,
  port: PORTS.kubelet,
  healthzPort: PORTS.kubeletHealth,
  // A hybrid or v1 hierarchy is what some sandboxes and older hosts have.
  failCgroupV1: false,
  cgroupDriver: "cgroupfs",
  cgroupRoot: `/${CGROUP}`,
  failSwapOn: false,
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true },
    x509: { clientCAFile: join(places.pki, "ca.crt") },
  },
  authorization: { mode: "Webhook" },
  clusterDNS: [DNS_ADDRESS],
  clusterDomain: "cluster.local",
  containerRuntimeEndpoint: `unix://${places.containerdSocket}`,
  evictionHard: {
    "nodefs.available": "1%",
    "imagefs.available": "1%",
    "memory.available": "100Mi",
  },
  podLogsDir: join(places.logs, "pods"),
  registerNode: true,
  shutdownGracePeriod: "0s",
  staticPodPath: "",
};

const kubeProxy = {
  apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
  kind: "KubeProxyConfiguration",
  clientConnection: { kubeconfig: join(places.kubeconfigs, "super-admin.conf") },
  // The mode that serves NodePorts on 127.0.0.1, which is where this cluster's only user is.
  mode: "iptables",
  iptables: { localhostNodePorts: true },
  nodePortAddresses: ["127.0.0.0/8"],
  clusterCIDR: CLUSTER_CIDR,
  hostnameOverride: NODE_NAME,
  healthzBindAddress: `127.0.0.1:${PORTS.kubeProxyHealth}`,
  metricsBindAddress: `127.0.0.1:${PORTS.kubeProxyMetrics}`,
  // Leaves the host's connection tracking limit alone.
  conntrack: { maxPerCore: 0 },
};

const registry = {
  version: 0.1,
  log: { level: "warn" },
  storage: { filesystem: { rootdirectory: places.registryData }, delete: { enabled: true } },
  http: { addr: REGISTRY },
};

/** Some processes watch their file and end when it is written, even with the same content. */
const writeIfChanged = async (path: string, content: string): Promise<void> => {
  if ((await readFile(path, "utf8").catch(() => undefined)) === content) return;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
};

/** Writes the configuration of every process. */
export const writeConfiguration = async (): Promise<void> => {
  const files: Record<string, string> = {
    [configurationFiles.containerd]: containerd(!(await hasSysResource())),
    [configurationFiles.registryMirror]: registryMirror,
    [configurationFiles.kubelet]: stringify(kubelet),
    [configurationFiles.kubeProxy]: stringify(kubeProxy),
    [configurationFiles.registry]: stringify(registry),
    [configurationFiles.cni]: JSON.stringify(cni, null, 2),
  };
  for (const [path, content] of Object.entries(files)) await writeIfChanged(path, content);
};
