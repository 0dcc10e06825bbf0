import { digestOf } from "../../model/digest.ts";
import type { ModelMetadata } from "../../model/metadata.ts";
import { decodePixels } from "../../model/preprocessing.ts";
import { type Evaluation, evaluate, type Judgement, metricsOf } from "../evaluate.ts";
import type { Example } from "../inspect.ts";
import { judgePhotos } from "../judge-photos.ts";
import { mapConcurrent } from "../map-concurrent.ts";
import { createProgress } from "../progress.ts";
import { createRandom } from "../random.ts";
import { withClassifier } from "../with-classifier.ts";
import { measureStatistics } from "./calibrate.ts";
import { compare } from "./compare.ts";
import { quantise } from "./quantise.ts";

type About = NonNullable<ModelMetadata["int8"]>;

/** A model in integers, and what model.json says about it but for the golden pictures. */
export type Int8Model = {
  readonly onnx: Uint8Array;
  readonly about: Omit<About, "golden">;
  /** What it said about the test split. */
  readonly tested: { readonly judgements: readonly Judgement[]; readonly evaluation: Evaluation };
};

export type Int8Options = {
  /** The model in floats. */
  readonly model: { readonly metadata: ModelMetadata; readonly onnx: Uint8Array };
  readonly train: readonly Example[];
  readonly val: readonly Example[];
  readonly test: readonly Example[];
  readonly seed: number;
  /** Threads for ONNX Runtime. */
  readonly threads: number;
};

/** Training pictures that are run to learn the ranges. */
const CALIBRATION_PICTURES = 128;
/** Accuracy that the integers may lose on the validation split to answer by default, percentage points. */
const BEARABLE_LOSS = 0.3;
const CONCURRENCY = 4;

/**
 * Makes the integer form of a model: learns ranges from training pictures, compares both on the validation split, and
 * tests it on the test split. The same model, pictures and seed give the same bytes.
 */
export const makeInt8 = async (options: Int8Options): Promise<Int8Model> => {
  const { model, train, val, test, seed, threads } = options;
  const { metadata } = model;
  const chosen = createRandom("calibration", seed)
    .shuffle([...train])
    .slice(0, CALIBRATION_PICTURES);

  const progress = createProgress("calibrating int8", chosen.length);
  const { preprocessing } = metadata;
  const pixels = await mapConcurrent(chosen, CONCURRENCY, async (example) =>
    decodePixels(await example.read(), preprocessing),
  );
  const runtime = { preprocessing, threads };
  const statistics = await measureStatistics(model.onnx, pixels, runtime, progress.update);
  const onnx = quantise(model.onnx, statistics);
  progress.finish();

  const floats = await withClassifier(model, threads, (fp32) =>
    judgePhotos(fp32, val, "validating fp32"),
  );
  const { integers, judgements } = await withClassifier(
    { metadata, onnx },
    threads,
    async (int8) => ({
      integers: await judgePhotos(int8, val, "validating int8"),
      judgements: await judgePhotos(int8, test, "testing int8"),
    }),
  );
  const validation = compare(floats, integers);
  const evaluation = evaluate(judgements, metadata.labels);
  return {
    onnx,
    about: {
      digest: digestOf(onnx),
      byDefault: validation.lossPoints <= BEARABLE_LOSS,
      calibration: {
        method: "min-max",
        count: chosen.length,
        digest: digestOf(chosen.map(({ digest }) => `${digest}\n`).join("")),
      },
      validation,
      metrics: metricsOf(evaluation),
    },
    tested: { judgements, evaluation },
  };
};
