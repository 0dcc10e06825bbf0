import type { Classifier } from "../../model/classifier.ts";
import { digestOf } from "../../model/digest.ts";
import type { ModelMetadata } from "../../model/metadata.ts";
import { decodePixels } from "../../model/preprocessing.ts";
import { answerOf } from "../evaluate.ts";
import type { Example } from "../inspect.ts";
import { mapConcurrent } from "../map-concurrent.ts";
import { createProgress } from "../progress.ts";
import { createRandom } from "../random.ts";
import { withClassifier } from "../with-classifier.ts";
import { measureStatistics } from "./calibrate.ts";
import { quantise } from "./quantise.ts";

type About = NonNullable<ModelMetadata["int8"]>;

/** A model in integers, and what model.json says about it but for the golden pictures. */
export type Int8Model = { readonly onnx: Uint8Array; readonly about: Omit<About, "golden"> };

export type Int8Options = {
  /** The model in floats. */
  readonly model: { readonly metadata: ModelMetadata; readonly onnx: Uint8Array };
  readonly train: readonly Example[];
  readonly val: readonly Example[];
  readonly seed: number;
  /** Threads for ONNX Runtime. */
  readonly threads: number;
};

/** Training pictures that are run to learn the ranges. */
const CALIBRATION_PICTURES = 128;
/** Accuracy that the integers may lose on the validation split to answer by default, percentage points. */
const BEARABLE_LOSS = 0.3;
const BATCH = 16;
const CONCURRENCY = 4;

const compare = async (
  classifiers: { readonly fp32: Classifier; readonly int8: Classifier },
  val: readonly Example[],
): Promise<About["validation"]> => {
  const { labels } = classifiers.fp32.metadata;
  const right = { fp32: 0, int8: 0 };
  let labelFlips = 0;
  let difference = 0;
  const progress = createProgress("comparing int8 with fp32", val.length);
  for (let start = 0; start < val.length; start += BATCH) {
    const batch = val.slice(start, start + BATCH);
    const pixels = await Promise.all(
      batch.map(async (example) => classifiers.fp32.decode(await example.read())),
    );
    const judge = async (classifier: Classifier) =>
      (await classifier.classify(pixels)).map((prediction) => {
        const probabilities = labels.map((label) => prediction.probabilities[label] ?? 0);
        return { probabilities, answer: answerOf({ probabilities }) };
      });
    const [floats, integers] = [await judge(classifiers.fp32), await judge(classifiers.int8)];
    for (const [i, { label }] of batch.entries()) {
      const [fp32, int8] = [floats[i], integers[i]];
      if (!fp32 || !int8) throw new Error("a picture got no answer");
      const target = labels.indexOf(label);
      if (fp32.answer === target) right.fp32++;
      if (int8.answer === target) right.int8++;
      if (fp32.answer !== int8.answer) labelFlips++;
      fp32.probabilities.forEach((probability, index) => {
        difference += Math.abs(probability - (int8.probabilities[index] ?? 0));
      });
    }
    progress.update(start + batch.length);
  }
  progress.finish();
  return {
    count: val.length,
    accuracy: { fp32: right.fp32 / val.length, int8: right.int8 / val.length },
    lossPoints: ((right.fp32 - right.int8) / val.length) * 100,
    labelFlips,
    meanDifference: difference / (val.length * labels.length),
  };
};

/**
 * Makes the integer form of a model: learns ranges from training pictures, and compares both on the validation split. The
 * same model, pictures and seed give the same bytes.
 */
export const makeInt8 = async (options: Int8Options): Promise<Int8Model> => {
  const { model, train, val, seed, threads } = options;
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

  const validation = await withClassifier(model, threads, (fp32) =>
    withClassifier({ metadata, onnx }, threads, (int8) => compare({ fp32, int8 }, val)),
  );
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
    },
  };
};
