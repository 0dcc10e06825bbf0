import type * as k8s from "@pulumi/kubernetes";
import type { ModelStore } from "./model-store.ts";

type Shared = Pick<ModelStore, "shared">;
type Labels = Readonly<Record<string, string>>;
type Placement = Pick<k8s.types.input.core.v1.PodSpec, "affinity" | "topologySpreadConstraints">;

const onTheirNode = (matchLabels: Labels): k8s.types.input.core.v1.PodAffinityTerm => ({
  topologyKey: "kubernetes.io/hostname",
  labelSelector: { matchLabels },
});

/**
 * Where a reader of the model store may run: a ReadWriteOnce volume is mounted by one node at a time, so all its readers
 * share that node; a shared one is read anywhere.
 *
 * @param matchLabels labels of the service's pods
 */
export const besideServicePods = ({ shared }: Shared, matchLabels: Labels): Placement =>
  shared
    ? {}
    : {
        affinity: {
          podAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [onTheirNode(matchLabels)],
          },
        },
      };

/**
 * Where what fills the model store runs: on another node than the service's pods it would wait for a ReadWriteOnce volume that
 * they hold. A wish and no must, because the first run comes before there is any of them.
 *
 * @param matchLabels labels of the service's pods
 */
export const nearServicePods = ({ shared }: Shared, matchLabels: Labels): Placement =>
  shared
    ? {}
    : {
        affinity: {
          podAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 100, podAffinityTerm: onTheirNode(matchLabels) },
            ],
          },
        },
      };

/**
 * Where the service's own pods run: with a shared store those of one version keep apart, as far as there are zones and
 * nodes, and rather run together than not at all.
 */
export const placementOf = (modelStore: Shared, matchLabels: Labels): Placement =>
  modelStore.shared
    ? {
        topologySpreadConstraints: ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map(
          (topologyKey) => ({
            maxSkew: 1,
            topologyKey,
            whenUnsatisfiable: "ScheduleAnyway",
            labelSelector: { matchLabels },
            matchLabelKeys: ["pod-template-hash"],
          }),
        ),
      }
    : besideServicePods(modelStore, matchLabels);
