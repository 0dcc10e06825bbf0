import { join } from "node:path";
import { cacheDirectory, stateDirectory } from "../../paths.ts";

/*
 * Names, addresses and places of the embedded cluster: one node on this machine.
 */
const home = join(stateDirectory, "cluster");

/** Directories and files of the cluster. */
export const places = {
  home,
  pki: join(home, "pki"),
  kubeconfigs: join(home, "kubeconfigs"),
  /** For people and for Pulumi: cluster-admin. */
  adminKubeconfig: join(home, "kubeconfigs", "super-admin.conf"),
  etcd: join(home, "etcd"),
  containerd: join(home, "containerd"),
  containerdSocket: join(home, "containerd", "containerd.sock"),
  kubelet: join(home, "kubelet"),
  cni: join(home, "cni"),
  volumes: join(home, "volumes"),
  logs: join(home, "logs"),
  processes: join(home, "processes"),
  configuration: join(home, "configuration"),
  /** In the cache: a fresh clone and a new cluster find the images that are already built. */
  registryData: join(cacheDirectory, "registry"),
} as const;

export const NODE_NAME = "local";
/** A link of our own with an address that the API server can advertise: a loopback address is refused as an endpoint. */
export const BRIDGE = "icp0";
export const NODE_ADDRESS = "10.244.0.1";
export const POD_CIDR = "10.244.0.0/24";
export const CLUSTER_CIDR = "10.244.0.0/16";
export const SERVICE_CIDR = "10.96.0.0/16";
export const DNS_ADDRESS = "10.96.0.10";
/** The node's cgroup: everything that pods use is below it, and `stop` removes it. */
export const CGROUP = "image-classification-platform";

/** Listening ports of the cluster, all on this machine only, and what each is for. */
export const PORTS = {
  registry: 5601,
  etcd: 5602,
  etcdPeer: 5603,
  apiServer: 6443,
  kubelet: 10250,
  kubeletHealth: 10248,
  controllerManager: 10257,
  scheduler: 10259,
  kubeProxyHealth: 10256,
  kubeProxyMetrics: 10249,
} as const;

/** Ports that Services may open on 127.0.0.1, first to last; the service of this platform has one of them. */
export const NODE_PORTS = { first: 8080, last: 8099 } as const;

/** The one of them that the cluster's own Git repository has. */
export const GIT_PORT = 8094;

/** The registry's address, as containerd and buildah write it. */
export const REGISTRY = `127.0.0.1:${PORTS.registry}`;
