import { conditionsOf, type KubernetesObject } from "./types.ts";

/** Whether an object does what it was declared for. */
export type Readiness =
  | { readonly state: "ready" }
  /** `text` says how far it is: "1 of 2 replicas ready". */
  | { readonly state: "waiting"; readonly text: string }
  | { readonly state: "failed"; readonly text: string };

const READY: Readiness = { state: "ready" };
const waiting = (text: string): Readiness => ({ state: "waiting", text });
const failed = (text: string): Readiness => ({ state: "failed", text });

const numberAt = (part: Readonly<Record<string, unknown>> | undefined, key: string): number => {
  const value = part?.[key];
  return typeof value === "number" ? value : 0;
};

const conditionIs = (object: KubernetesObject, type: string, status: string): boolean =>
  conditionsOf(object).some((each) => each.type === type && each.status === status);

const reasonOf = (object: KubernetesObject, type: string): string => {
  const condition = conditionsOf(object).find((each) => each.type === type);
  return [condition?.reason, condition?.message].filter((part) => part !== undefined).join(": ");
};

const isObserved = (object: KubernetesObject): boolean =>
  numberAt(object.status, "observedGeneration") >= (object.metadata.generation ?? 0);

const wantedReplicas = (object: KubernetesObject): number =>
  typeof object.spec?.["replicas"] === "number" ? object.spec["replicas"] : 1;

const deployment = (object: KubernetesObject): Readiness => {
  if (!isObserved(object)) return waiting("not yet seen by its controller");
  if (conditionIs(object, "Progressing", "False")) return failed(reasonOf(object, "Progressing"));
  const wanted = wantedReplicas(object);
  const updated = numberAt(object.status, "updatedReplicas");
  const available = numberAt(object.status, "availableReplicas");
  if (updated < wanted) return waiting(`${updated} of ${wanted} replicas updated`);
  if (numberAt(object.status, "replicas") > updated)
    return waiting("old replicas still terminating");
  if (available < updated) return waiting(`${available} of ${updated} replicas ready`);
  return READY;
};

const statefulSet = (object: KubernetesObject): Readiness => {
  if (!isObserved(object)) return waiting("not yet seen by its controller");
  const wanted = wantedReplicas(object);
  const ready = numberAt(object.status, "readyReplicas");
  const updated = numberAt(object.status, "updatedReplicas");
  if (ready < wanted) return waiting(`${ready} of ${wanted} replicas ready`);
  const onDelete =
    (object.spec?.["updateStrategy"] as { readonly type?: string } | undefined)?.type ===
    "OnDelete";
  if (!onDelete && updated < wanted) return waiting(`${updated} of ${wanted} replicas updated`);
  return READY;
};

const daemonSet = (object: KubernetesObject): Readiness => {
  if (!isObserved(object)) return waiting("not yet seen by its controller");
  const wanted = numberAt(object.status, "desiredNumberScheduled");
  const updated = numberAt(object.status, "updatedNumberScheduled");
  const available = numberAt(object.status, "numberAvailable");
  if (updated < wanted) return waiting(`${updated} of ${wanted} pods updated`);
  return available < wanted ? waiting(`${available} of ${wanted} pods ready`) : READY;
};

const job = (object: KubernetesObject): Readiness => {
  if (conditionIs(object, "Complete", "True")) return READY;
  if (conditionIs(object, "Failed", "True")) return failed(reasonOf(object, "Failed"));
  if (object.spec?.["suspend"] === true) return READY;
  const active = numberAt(object.status, "active");
  const lost = numberAt(object.status, "failed");
  return waiting(`${active} running${lost > 0 ? `, ${lost} failed` : ""}`);
};

const pod = (object: KubernetesObject): Readiness => {
  const phase = object.status?.["phase"];
  if (phase === "Failed") return failed(String(object.status?.["message"] ?? "the pod failed"));
  if (phase === "Succeeded" || conditionIs(object, "Ready", "True")) return READY;
  return waiting(`${String(phase ?? "Pending")}`);
};

const phaseIs =
  (wanted: string) =>
  (object: KubernetesObject): Readiness => {
    const phase = String(object.status?.["phase"] ?? "");
    if (phase === "Lost") return failed("its volume is lost");
    return phase === wanted ? READY : waiting(phase === "" ? "Pending" : phase);
  };

const customResourceDefinition = (object: KubernetesObject): Readiness => {
  if (conditionIs(object, "NamesAccepted", "False"))
    return failed(reasonOf(object, "NamesAccepted"));
  return conditionIs(object, "Established", "True") ? READY : waiting("not yet established");
};

const service = (object: KubernetesObject): Readiness => {
  if (object.spec?.["type"] !== "LoadBalancer") return READY;
  const balancer = object.status?.["loadBalancer"] as { readonly ingress?: unknown[] } | undefined;
  return (balancer?.ingress?.length ?? 0) > 0 ? READY : waiting("no load balancer address yet");
};

type Check = {
  readonly check: (object: KubernetesObject) => Readiness;
  /** Seconds, as @pulumi/kubernetes waits. */
  readonly timeout: number;
};

const CHECKS: Readonly<Record<string, Check>> = {
  "apps/Deployment": { check: deployment, timeout: 600 },
  "apps/StatefulSet": { check: statefulSet, timeout: 600 },
  "apps/DaemonSet": { check: daemonSet, timeout: 600 },
  "batch/Job": { check: job, timeout: 600 },
  "/Pod": { check: pod, timeout: 600 },
  "/PersistentVolumeClaim": { check: phaseIs("Bound"), timeout: 300 },
  "/Namespace": { check: phaseIs("Active"), timeout: 300 },
  "/Service": { check: service, timeout: 600 },
  "apiextensions.k8s.io/CustomResourceDefinition": {
    check: customResourceDefinition,
    timeout: 300,
  },
};

/** The check for an object's kind; undefined for kinds that are ready as soon as they exist. */
export const checkFor = ({
  apiVersion,
  kind,
}: Pick<KubernetesObject, "apiVersion" | "kind">): Check | undefined => {
  const group = apiVersion.includes("/") ? apiVersion.split("/")[0] : "";
  return CHECKS[`${group}/${kind}`];
};

/** Whether a Service is to wait for an endpoint: one that selects pods and has an address of its own. */
export const needsEndpoints = ({ kind, apiVersion, spec }: KubernetesObject): boolean =>
  apiVersion === "v1" &&
  kind === "Service" &&
  spec?.["type"] !== "ExternalName" &&
  spec?.["clusterIP"] !== "None" &&
  Object.keys(spec?.["selector"] ?? {}).length > 0;

/** Whether an EndpointSlice holds an endpoint that takes traffic. */
export const hasReadyEndpoint = (slice: unknown): boolean =>
  (
    (
      slice as {
        readonly endpoints?: readonly { readonly conditions?: { readonly ready?: boolean } }[];
      }
    ).endpoints ?? []
  ).some(({ conditions }) => conditions?.ready !== false);
