import { join } from "node:path";
import { binaryDirectory } from "../../paths.ts";
import { tryCommand } from "../../run-command.ts";
import { configurationFiles } from "./configuration.ts";
import { isPortOpen, isSocketOpen } from "./host.ts";
import {
  CLUSTER_CIDR,
  NODE_ADDRESS,
  NODE_NAME,
  NODE_PORTS,
  PORTS,
  places,
  SERVICE_CIDR,
} from "./layout.ts";
import type { ProcessSpec } from "./processes.ts";

const bin = (name: string): string => join(binaryDirectory, name);
const pki = (name: string): string => join(places.pki, name);
const kubeconfig = (name: string): string => join(places.kubeconfigs, `${name}.conf`);

const listening = (port: number) => (): Promise<boolean> => isPortOpen(port);

/** Asks the API server with the admin's credentials. */
export const kubectl = (args: readonly string[], input?: string): ReturnType<typeof tryCommand> =>
  tryCommand(
    bin("kubectl"),
    ["--kubeconfig", places.adminKubeconfig, "--request-timeout=20s", ...args],
    input === undefined ? {} : { input },
  );

const apiServerReady = async (): Promise<boolean> =>
  (await isPortOpen(PORTS.apiServer)) && (await kubectl(["get", "--raw", "/readyz"])).code === 0;

const flags = (values: Readonly<Record<string, string>>): string[] =>
  Object.entries(values).map(([name, value]) => `--${name}=${value}`);

/** The registry that containerd and buildah use as mirror of the upstream registries. */
export const registryProcess: ProcessSpec = {
  name: "registry",
  program: bin("registry"),
  args: ["serve", configurationFiles.registry],
  configuration: [configurationFiles.registry],
  // Upstream's registry starts a tracing exporter that looks for a collector otherwise.
  env: { OTEL_TRACES_EXPORTER: "none" },
  isReady: listening(PORTS.registry),
};

const etcd: ProcessSpec = {
  name: "etcd",
  program: bin("etcd"),
  args: flags({
    "data-dir": places.etcd,
    "listen-client-urls": `http://127.0.0.1:${PORTS.etcd}`,
    "advertise-client-urls": `http://127.0.0.1:${PORTS.etcd}`,
    "listen-peer-urls": `http://127.0.0.1:${PORTS.etcdPeer}`,
    "initial-advertise-peer-urls": `http://127.0.0.1:${PORTS.etcdPeer}`,
    "initial-cluster": `default=http://127.0.0.1:${PORTS.etcdPeer}`,
    "auto-compaction-retention": "1h",
  }),
  isReady: listening(PORTS.etcd),
};

const apiServer: ProcessSpec = {
  name: "kube-apiserver",
  program: bin("kube-apiserver"),
  args: flags({
    "etcd-servers": `http://127.0.0.1:${PORTS.etcd}`,
    "advertise-address": NODE_ADDRESS,
    // Pods reach it at the node's address, people at the loopback address.
    "bind-address": "0.0.0.0",
    "secure-port": String(PORTS.apiServer),
    "service-cluster-ip-range": SERVICE_CIDR,
    "service-node-port-range": `${NODE_PORTS.first}-${NODE_PORTS.last}`,
    "client-ca-file": pki("ca.crt"),
    "tls-cert-file": pki("apiserver.crt"),
    "tls-private-key-file": pki("apiserver.key"),
    "kubelet-client-certificate": pki("apiserver-kubelet-client.crt"),
    "kubelet-client-key": pki("apiserver-kubelet-client.key"),
    // The node's name resolves nowhere.
    "kubelet-preferred-address-types": "InternalIP",
    "service-account-key-file": pki("sa.pub"),
    "service-account-signing-key-file": pki("sa.key"),
    "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
    "authorization-mode": "Node,RBAC",
    "enable-admission-plugins": "NodeRestriction",
    "requestheader-client-ca-file": pki("front-proxy-ca.crt"),
    "requestheader-allowed-names": "front-proxy-client",
    "requestheader-username-headers": "X-Remote-User",
    "requestheader-group-headers": "X-Remote-Group",
    "requestheader-extra-headers-prefix": "X-Remote-Extra-",
    "proxy-client-cert-file": pki("front-proxy-client.crt"),
    "proxy-client-key-file": pki("front-proxy-client.key"),
    "allow-privileged": "true",
  }),
  isReady: apiServerReady,
};

const controllerManager: ProcessSpec = {
  name: "kube-controller-manager",
  program: bin("kube-controller-manager"),
  args: flags({
    kubeconfig: kubeconfig("controller-manager"),
    "bind-address": "127.0.0.1",
    "cluster-cidr": CLUSTER_CIDR,
    "allocate-node-cidrs": "true",
    "root-ca-file": pki("ca.crt"),
    "service-account-private-key-file": pki("sa.key"),
    "use-service-account-credentials": "true",
    "cluster-signing-cert-file": pki("ca.crt"),
    "cluster-signing-key-file": pki("ca.key"),
    "leader-elect": "false",
  }),
  isReady: listening(PORTS.controllerManager),
};

const scheduler: ProcessSpec = {
  name: "kube-scheduler",
  program: bin("kube-scheduler"),
  args: flags({
    kubeconfig: kubeconfig("scheduler"),
    "bind-address": "127.0.0.1",
    "leader-elect": "false",
  }),
  isReady: listening(PORTS.scheduler),
};

const containerd: ProcessSpec = {
  name: "containerd",
  program: "containerd",
  args: ["--config", configurationFiles.containerd],
  configuration: [configurationFiles.containerd],
  isReady: () => isSocketOpen(places.containerdSocket),
};

const kubelet: ProcessSpec = {
  name: "kubelet",
  program: bin("kubelet"),
  args: flags({
    config: configurationFiles.kubelet,
    kubeconfig: kubeconfig("super-admin"),
    "root-dir": places.kubelet,
    "cert-dir": join(places.kubelet, "pki"),
    "hostname-override": NODE_NAME,
    "node-ip": NODE_ADDRESS,
    // cAdvisor's: without it the figures of containers have no names.
    containerd: places.containerdSocket,
  }),
  configuration: [configurationFiles.kubelet],
  // It ends at once while containerd still recovers its containers.
  attempts: 20,
  isReady: listening(PORTS.kubeletHealth),
};

const kubeProxy: ProcessSpec = {
  name: "kube-proxy",
  program: bin("kube-proxy"),
  args: flags({ config: configurationFiles.kubeProxy }),
  configuration: [configurationFiles.kubeProxy],
  isReady: listening(PORTS.kubeProxyHealth),
};

/** The node's processes in the order in which they are started; they are stopped in the reverse order. */
export const nodeProcesses: readonly ProcessSpec[] = [
  etcd,
  apiServer,
  controllerManager,
  scheduler,
  containerd,
  kubelet,
  kubeProxy,
];
