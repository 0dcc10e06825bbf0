import { type ClusterObject, containersOf, podSpecOf } from "../cluster-object.ts";
import { whenKnown } from "../unknown-values.ts";

const LONG_RUNNING = new Set([
  "DaemonSet",
  "Deployment",
  "ReplicaSet",
  "ReplicationController",
  "StatefulSet",
]);

/** Probes that the containers of a long-running workload lack; sidecars count, other init containers end by themselves. */
export const missingProbes = (object: ClusterObject): readonly string[] =>
  whenKnown(() => {
    const pod = podSpecOf(object);
    const runsOn =
      LONG_RUNNING.has(object.kind) ||
      (object.kind === "Pod" && (pod?.restartPolicy ?? "Always") === "Always");
    if (pod === undefined || !runsOn) return [];
    const init = pod.initContainers ?? [];
    return containersOf(pod)
      .filter(
        ({ container }, index) => index >= init.length || container.restartPolicy === "Always",
      )
      .flatMap(({ label, container }) =>
        (["readinessProbe", "livenessProbe"] as const).flatMap((probe) =>
          whenKnown(() => (container[probe] === undefined ? [`${label} has no ${probe}`] : [])),
        ),
      );
  });
