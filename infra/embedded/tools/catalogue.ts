/** A Go module of this folder and the programs that are built from it, by the name of the binary: packages of modules that it
 * requires, or its own. */
export type ToolModule = {
  readonly version: string;
  readonly packages: Readonly<Record<string, string>>;
  readonly ldflags?: string;
  /** The required module of which some files are replaced by those in this folder's `instead/`. */
  readonly replaces?: string;
  /** Roughly how long a first build takes on two cores, minutes: said before it starts. */
  readonly minutes: number;
};

const KUBERNETES_VERSION = "v1.35.4";
const versionFlag = (name: string, value: string): string =>
  `-X k8s.io/component-base/version.${name}=${value}`;

/** The pinned programs that the embedded target builds from source. Checksums are in each module's go.sum. */
export const TOOL_MODULES = {
  kubernetes: {
    version: KUBERNETES_VERSION,
    packages: {
      "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
      "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
      "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
      kubelet: "k8s.io/kubernetes/cmd/kubelet",
      "kube-proxy": "k8s.io/kubernetes/cmd/kube-proxy",
      kubectl: "k8s.io/kubernetes/cmd/kubectl",
      kubeadm: "k8s.io/kubernetes/cmd/kubeadm",
    },
    // Without these every component reports v0.0.0-master.
    ldflags: [
      versionFlag("gitVersion", KUBERNETES_VERSION),
      versionFlag("gitMajor", "1"),
      versionFlag("gitMinor", "35"),
    ].join(" "),
    minutes: 6,
  },
  etcd: {
    version: "v3.6.7",
    packages: { etcd: "go.etcd.io/etcd/server/v3" },
    minutes: 1,
  },
  coredns: {
    version: "v1.15.0",
    packages: { coredns: "." },
    minutes: 2,
  },
  registry: {
    version: "v3.1.2",
    packages: { registry: "." },
    minutes: 1,
  },
  "local-path-provisioner": {
    version: "v0.0.30",
    packages: { "local-path-provisioner": "github.com/rancher/local-path-provisioner" },
    minutes: 1,
  },
  "prometheus-operator": {
    version: "v0.85.0",
    packages: {
      operator: "github.com/prometheus-operator/prometheus-operator/cmd/operator",
      "prometheus-config-reloader":
        "github.com/prometheus-operator/prometheus-operator/cmd/prometheus-config-reloader",
    },
    ldflags: "-X github.com/prometheus/common/version.Version=0.85.0",
    minutes: 2,
  },
  // Debian's cannot find targets through Kubernetes.
  prometheus: {
    version: "v3.5.0",
    packages: { prometheus: "github.com/prometheus/prometheus/cmd/prometheus" },
    replaces: "github.com/prometheus/prometheus",
    ldflags: "-X github.com/prometheus/common/version.Version=3.5.0",
    minutes: 3,
  },
  argocd: {
    version: "v3.2.6",
    packages: { argocd: "github.com/argoproj/argo-cd/v3/cmd" },
    // The version that it reports, and that its images carry.
    ldflags: "-X github.com/argoproj/argo-cd/v3/common.version=3.2.6",
    minutes: 4,
  },
  kustomize: {
    version: "v5.7.1",
    packages: { kustomize: "sigs.k8s.io/kustomize/kustomize/v5" },
    minutes: 1,
  },
  // An S3 server that a test of the service's storage runs against.
  versitygw: {
    version: "v1.8.0",
    packages: { versitygw: "github.com/versity/versitygw/cmd/versitygw" },
    minutes: 1,
  },
  actionlint: {
    version: "v1.7.12",
    packages: { actionlint: "github.com/rhysd/actionlint/cmd/actionlint" },
    minutes: 1,
  },
} as const satisfies Record<string, ToolModule>;

export type ToolModuleName = keyof typeof TOOL_MODULES;
