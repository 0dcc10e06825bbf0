/** What the type of a component of this program begins with. */
export const COMPONENT = "image-classification-platform:index:";

/** Types and names, sorted, of what every stack has. */
export const PLATFORM = [
  "command:local:Command cluster",
  "command:local:Command service-image",
  "command:local:Command tracking-image",
  "command:local:Command training-image",
  `${COMPONENT}Cluster cluster`,
  `${COMPONENT}ContainerImage service-image`,
  `${COMPONENT}ContainerImage tracking-image`,
  `${COMPONENT}ContainerImage training-image`,
  `${COMPONENT}ModelStore model-store`,
  `${COMPONENT}PlatformNamespace platform`,
  `${COMPONENT}PostDeployEvaluation evaluation`,
  `${COMPONENT}TrackingServer tracking`,
  `${COMPONENT}TrainingRun training`,
  "kubernetes:apps/v1:Deployment tracking",
  "kubernetes:batch/v1:CronJob evaluation",
  "kubernetes:batch/v1:Job training",
  "kubernetes:core/v1:LimitRange platform-limits",
  "kubernetes:core/v1:Namespace platform",
  "kubernetes:core/v1:PersistentVolumeClaim model-store",
  "kubernetes:core/v1:PersistentVolumeClaim tracking",
  "kubernetes:core/v1:Service tracking",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy evaluation",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy platform-default-deny",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy tracking",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy training",
  "pulumi:providers:kubernetes cluster",
];

/** What answers, and what tests it, where the program deploys it. */
export const SERVED = [
  `${COMPONENT}InferenceService api`,
  `${COMPONENT}SmokeTest smoke-test`,
  "kubernetes:apps/v1:Deployment api",
  "kubernetes:batch/v1:Job smoke-test",
  "kubernetes:core/v1:Service api",
  "kubernetes:core/v1:ServiceAccount api",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy api",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy smoke-test",
  "kubernetes:policy/v1:PodDisruptionBudget api",
];

/** What is there instead where Argo CD deploys that, out of the cluster's own repository. */
const FROM_GIT = [
  "command:local:Command argo-cd",
  "command:local:Command deploy-repository",
  ...["ArgoCd argo-cd", "DeployRepository deploy-repository", "GitOps gitops"].map(
    (component) => `${COMPONENT}${component}`,
  ),
  `${COMPONENT}GitOpsApplication gitops`,
  `${COMPONENT}GitServer git-server`,
  `${COMPONENT}PlatformNamespace gitops`,
  "kubernetes:apps/v1:Deployment git-server",
  "kubernetes:argoproj.io/v1alpha1:AppProject gitops-project",
  "kubernetes:argoproj.io/v1alpha1:Application gitops",
  "kubernetes:core/v1:LimitRange gitops-limits",
  "kubernetes:core/v1:Namespace argo-cd",
  "kubernetes:core/v1:Namespace gitops",
  "kubernetes:core/v1:PersistentVolumeClaim git-server",
  "kubernetes:core/v1:Secret argo-cd-secret",
  "kubernetes:core/v1:Service git-server",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy argo-cd-egress",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy git-server",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy gitops-default-deny",
  "random:index/randomBytes:RandomBytes argo-cd-key",
];

/** What watches Argo CD. */
const GIT_WATCHED = [
  `${COMPONENT}ArgoCdWatch argo-cd-metrics`,
  "kubernetes:core/v1:Service argo-cd-metrics",
  "kubernetes:monitoring.coreos.com/v1:ServiceMonitor argo-cd-metrics",
];

const operated = (image: string, name = image): readonly string[] => [
  `command:local:Command ${name}`,
  `${COMPONENT}UpstreamImage ${name}`,
];

/** What monitoring adds on every target. */
const WATCHED = [
  `${COMPONENT}Monitoring monitoring`,
  `${COMPONENT}PlatformNamespace monitoring`,
  `${COMPONENT}ServiceWatch api-metrics`,
  "kubernetes:core/v1:ConfigMap dashboard",
  "kubernetes:core/v1:ConfigMap status-panels",
  "kubernetes:core/v1:LimitRange monitoring-limits",
  "kubernetes:core/v1:Namespace monitoring",
  "kubernetes:core/v1:Service api-metrics",
  "kubernetes:monitoring.coreos.com/v1:PrometheusRule api-metrics",
  "kubernetes:monitoring.coreos.com/v1:ServiceMonitor api-metrics",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy monitoring-default-deny",
];

/** Monitoring where it is made of packages. */
const FROM_PACKAGES = [
  ...["alertmanager", "prometheus", "node-exporter"].flatMap((name) => operated(name)),
  ...operated("monitoring-operator"),
  ...operated("monitoring-operator-reloader"),
  `${COMPONENT}Alertmanager alertmanager`,
  `${COMPONENT}MonitoringOperator monitoring-operator`,
  `${COMPONENT}NodeExporter node-exporter`,
  `${COMPONENT}Prometheus prometheus`,
  "command:local:Command monitoring-operator-kinds",
  "kubernetes:apps/v1:DaemonSet node-exporter",
  "kubernetes:apps/v1:Deployment monitoring-operator",
  "kubernetes:core/v1:Service node-exporter",
  "kubernetes:core/v1:ServiceAccount monitoring-operator",
  "kubernetes:core/v1:ServiceAccount prometheus",
  "kubernetes:monitoring.coreos.com/v1:Alertmanager alertmanager",
  "kubernetes:monitoring.coreos.com/v1:Prometheus prometheus",
  "kubernetes:monitoring.coreos.com/v1:ServiceMonitor kubelet",
  "kubernetes:monitoring.coreos.com/v1:ServiceMonitor node-exporter",
  ...["alertmanager", "monitoring-operator", "node-exporter", "prometheus"].map(
    (name) => `kubernetes:networking.k8s.io/v1:NetworkPolicy ${name}`,
  ),
  ...["ClusterRole", "ClusterRoleBinding"].flatMap((kind) =>
    ["monitoring-operator", "prometheus"].map(
      (name) => `kubernetes:rbac.authorization.k8s.io/v1:${kind} ${name}`,
    ),
  ),
];

/** Monitoring where its chart can be had. */
const FROM_CHART = [
  `${COMPONENT}MonitoringChart monitoring-chart`,
  `${COMPONENT}PlatformNamespace monitoring-chart-node`,
  "kubernetes:core/v1:LimitRange monitoring-chart-node-limits",
  "kubernetes:core/v1:Namespace monitoring-chart-node",
  "kubernetes:core/v1:Secret monitoring-chart",
  "kubernetes:helm.sh/v3:Release monitoring-chart",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy monitoring-chart",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy monitoring-chart-node-default-deny",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy monitoring-chart-node-exporter",
  "random:index/randomPassword:RandomPassword monitoring-chart",
];

/** Types and names, sorted, of what a stack consists of. */
export const EXPECTED = {
  embedded: [...PLATFORM, ...WATCHED, ...FROM_PACKAGES, ...FROM_GIT, ...GIT_WATCHED].sort(),
  dev: [...PLATFORM, ...WATCHED, ...FROM_CHART, ...SERVED].sort(),
};
