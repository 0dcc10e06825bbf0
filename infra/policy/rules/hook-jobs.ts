import type { ClusterObject } from "../cluster-object.ts";
import { whenKnown } from "../unknown-values.ts";

const HOOKS = ["argocd.argoproj.io/hook", "helm.sh/hook"];

/** A hook Job that deletes itself: who waits for it may never see that it ended, and its logs are gone when somebody asks. */
export const vanishingHooks = ({ kind, group, metadata, spec }: ClusterObject): readonly string[] =>
  whenKnown(() => {
    const hook = HOOKS.find((name) => metadata.annotations?.[name] !== undefined);
    const ttl = (spec as { readonly ttlSecondsAfterFinished?: number } | undefined)
      ?.ttlSecondsAfterFinished;
    return kind === "Job" && group === "batch" && hook !== undefined && ttl !== undefined
      ? [`the Job is a hook (${hook}) and has ttlSecondsAfterFinished: ${ttl}`]
      : [];
  });
