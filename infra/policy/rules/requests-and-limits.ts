import { containersOf, type PodSpec } from "../cluster-object.ts";
import { whenKnown } from "../unknown-values.ts";

const AMOUNTS = [
  ["requests", "cpu"],
  ["requests", "memory"],
  ["limits", "cpu"],
  ["limits", "memory"],
] as const;

/** Requests and limits of CPU and memory that containers lack, init containers included. */
export const missingAmounts = (pod: PodSpec): readonly string[] =>
  whenKnown(() =>
    containersOf(pod).flatMap(({ label, container }) =>
      AMOUNTS.flatMap(([kind, what]) =>
        whenKnown(() =>
          container.resources?.[kind]?.[what] === undefined
            ? [`${label} has no resources.${kind}.${what}`]
            : [],
        ),
      ),
    ),
  );
