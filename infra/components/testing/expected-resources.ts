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
  `${COMPONENT}InferenceService api`,
  `${COMPONENT}ModelStore model-store`,
  `${COMPONENT}PlatformNamespace platform`,
  `${COMPONENT}PostDeployEvaluation evaluation`,
  `${COMPONENT}SmokeTest smoke-test`,
  `${COMPONENT}TrackingServer tracking`,
  `${COMPONENT}TrainingRun training`,
  "kubernetes:apps/v1:Deployment api",
  "kubernetes:apps/v1:Deployment tracking",
  "kubernetes:batch/v1:CronJob evaluation",
  "kubernetes:batch/v1:Job smoke-test",
  "kubernetes:batch/v1:Job training",
  "kubernetes:core/v1:LimitRange platform-limits",
  "kubernetes:core/v1:Namespace platform",
  "kubernetes:core/v1:PersistentVolumeClaim model-store",
  "kubernetes:core/v1:PersistentVolumeClaim tracking",
  "kubernetes:core/v1:Service api",
  "kubernetes:core/v1:Service tracking",
  "kubernetes:core/v1:ServiceAccount api",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy api",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy evaluation",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy platform-default-deny",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy smoke-test",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy tracking",
  "kubernetes:networking.k8s.io/v1:NetworkPolicy training",
  "kubernetes:policy/v1:PodDisruptionBudget api",
  "pulumi:providers:kubernetes cluster",
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
  embedded: [...PLATFORM, ...WATCHED, ...FROM_PACKAGES].sort(),
  dev: [...PLATFORM, ...WATCHED, ...FROM_CHART].sort(),
};
