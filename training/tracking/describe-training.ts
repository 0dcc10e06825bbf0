import { randomUUID } from "node:crypto";
import type { ModelMetadata } from "../../model/metadata.ts";
import { atPrecision } from "../../model/precision.ts";
import type { Trained } from "../train.ts";
import type { Metric, RunRecord } from "./run-record.ts";

/** MLflow's bound for a param's value. */
const LONGEST_PARAM = 6000;

/** A metric's name may hold letters, digits, `_`, `-`, `.`, space and `/`; a label may hold more. */
const keyOf = (name: string): string => name.replaceAll(/[^\w\-. /]/g, "_");

const stepMetrics = ({ fit }: Trained, timestamp: number): Metric[] =>
  fit.epochs.flatMap(({ trainLoss, valLoss, gradientNorm }, step) =>
    Object.entries({ train_loss: trainLoss, val_loss: valLoss, gradient_norm: gradientNorm }).map(
      ([key, value]) => ({ key, value, step, timestamp }),
    ),
  );

const finalMetrics = (metrics: ModelMetadata["metrics"], timestamp: number): Metric[] => {
  const { test, macro, perClass, logLoss, calibrationError } = metrics;
  const values: Record<string, number> = {
    test_accuracy: test.accuracy,
    test_accuracy_low: test.interval[0],
    test_accuracy_high: test.interval[1],
    test_log_loss: logLoss,
    test_calibration_error: calibrationError,
    test_precision: macro.precision,
    test_recall: macro.recall,
    test_f1: macro.f1,
  };
  for (const [label, figures] of Object.entries(perClass)) {
    values[`test_precision.${label}`] = figures.precision;
    values[`test_recall.${label}`] = figures.recall;
    values[`test_f1.${label}`] = figures.f1;
  }
  return Object.entries(values).map(([key, value]) => ({
    ...{ key: keyOf(key), value, timestamp },
    step: 0,
  }));
};

const paramsOf = ({ metadata, skipped }: Trained): Record<string, string> => {
  const { training, labels, backbone } = metadata;
  const { train, val, test } = training.counts;
  const params = {
    ...{ source: training.source, seed: training.seed, labels: labels.join(" ") },
    ...{ train_pictures: train, val_pictures: val, test_pictures: test },
    ...{ skipped_files: skipped.length, backbone: backbone.name },
    ...training.hyperparameters,
  };
  return Object.fromEntries(
    Object.entries(params).map(([key, value]) => [key, String(value).slice(0, LONGEST_PARAM)]),
  );
};

/**
 * What MLflow is told about a training.
 *
 * @param times milliseconds since 1970
 * @param artifacts paths of its files, as they are sent
 */
export const describeTraining = (
  trained: Trained,
  times: { readonly start: number; readonly end: number },
  artifacts: readonly string[],
): RunRecord => {
  // Of the file that answers: a run is found by the digest in answers, and champions are chosen by what serves.
  const { name, version, digest, training, metrics, backbone, build } = atPrecision(
    trained.metadata,
  );
  return {
    id: randomUUID(),
    experiment: name,
    name: version,
    startTime: times.start,
    endTime: times.end,
    params: paramsOf(trained),
    metrics: [...stepMetrics(trained, times.end), ...finalMetrics(metrics, times.end)].filter(
      // JSON has no infinity: MLflow would refuse the whole batch.
      ({ value }) => Number.isFinite(value),
    ),
    tags: {
      model_digest: digest,
      dataset_digest: training.splitDigest,
      backbone_digest: backbone.digest,
      git_commit: build.gitCommit,
      "mlflow.source.git.commit": build.gitCommit,
      "mlflow.source.name": "training/cli/train.ts",
      "mlflow.source.type": "LOCAL",
    },
    artifacts: [...artifacts],
    model: {
      ...{ name, digest, splitDigest: training.splitDigest },
      ...{ accuracy: metrics.test.accuracy, logLoss: metrics.logLoss },
    },
  };
};
