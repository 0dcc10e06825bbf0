import { availableParallelism } from "node:os";
import process from "node:process";
import type { Classifier } from "../model/classifier.ts";
import { digestOf } from "../model/digest.ts";
import { makeDriftReference } from "../model/drift-reference.ts";
import { type Golden, type ModelMetadata, modelMetadataSchema } from "../model/metadata.ts";
import { type Precision, versionOf } from "../model/precision.ts";
import { EFFICIENTNET_LITE0_PREPROCESSING } from "../model/preprocessing-settings.ts";
import type { ModelFiles } from "../model/store.ts";
import { BACKBONE } from "./backbone/backbone.ts";
import { type Evaluation, evaluate, type Judgement, metricsOf } from "./evaluate.ts";
import { ACTIVATION, MODEL_INPUT, MODEL_OUTPUT, mergeModel } from "./export.ts";
import { embedViews, type FeatureOptions } from "./features.ts";
import { pickGolden } from "./golden.ts";
import { chooseFit, type Fit } from "./head/fit.ts";
import { predict, zeroHead } from "./head/head.ts";
import type { Labelled } from "./head/objective.ts";
import { imageNetPrior, PRIOR_PROVENANCE } from "./head/prior.ts";
import { type Example, inspectPhotos, type Skipped } from "./inspect.ts";
import packageJson from "./package.json" with { type: "json" };
import { createProgress } from "./progress.ts";
import { makeInt8 } from "./quantise/make-int8.ts";
import { exportReadOut } from "./read-out.ts";
import { SEGMENTER } from "./segmenter/segmenter.ts";
import type { Source } from "./sources/source.ts";
import { type Splits, splitExamples, writeSplits } from "./splits.ts";
import { withClassifier } from "./with-classifier.ts";

/** What a training needs to know. */
export type TrainOptions = {
  readonly source: Source;
  readonly backbone: Uint8Array;
  /** A network that finds foregrounds; it goes beside the model as it is. */
  readonly segmenter: Uint8Array;
  readonly seed: number;
  /** The model's. */
  readonly name: string;
  /** Where the split lists go. */
  readonly splits: string;
  /** Where features are kept between runs. */
  readonly cache: string;
  readonly gitCommit: string;
};

/** A trained model, ready to be written, and how it came about. */
export type Trained = {
  readonly metadata: ModelMetadata;
  readonly files: ModelFiles;
  readonly fit: Fit;
  /** On the test split, of the file that answers by default. */
  readonly evaluation: Evaluation;
  readonly judgements: readonly Judgement[];
  readonly test: readonly Example[];
  readonly skipped: readonly Skipped[];
};

/** Augmented views of each training picture, beside the plain one. */
const AUGMENTED_VIEWS = 1;
/** Strengths of the pull to the prior that the validation split chooses from. */
const PULLS = [0.001, 0.003, 0.01, 0.03, 0.1, 1];
/** Drawings say little about photos: with them the head must stay near what the backbone knows of photos. */
const PULLS_FOR_DRAWINGS = [10, 30, 100];
/** The backbone's own classifier and what finds foregrounds, beside the model. */
const READ_OUT_FILE = "imagenet.onnx";
const SEGMENTER_FILE = "segmenter.onnx";
const PARITY = 1e-4;
const PARITY_PICTURES = 16;

const embedSplits = async (
  splits: Splits<Example>,
  labels: readonly string[],
  options: FeatureOptions,
): Promise<Record<keyof Splits<Example>, Labelled>> => {
  const embed = async (
    stage: string,
    examples: readonly Example[],
    views: number,
  ): Promise<Labelled> => {
    const wanted = examples.flatMap((example) =>
      Array.from({ length: views }, (_, view) => ({ example, view })),
    );
    return {
      embeddings: await embedViews(stage, wanted, options),
      targets: wanted.map(({ example }) => labels.indexOf(example.label)),
    };
  };
  return {
    train: await embed("embedding training pictures", splits.train, 1 + AUGMENTED_VIEWS),
    val: await embed("embedding validation pictures", splits.val, 1),
    test: await embed("embedding test pictures", splits.test, 1),
  };
};

const checkParity = async (
  classifier: Classifier,
  test: readonly Example[],
  judgements: readonly Judgement[],
): Promise<void> => {
  const { labels } = classifier.metadata;
  for (const [index, example] of test.slice(0, PARITY_PICTURES).entries()) {
    const pixels = await classifier.decode(await example.read());
    const [prediction] = await classifier.classify([pixels]);
    for (const [label, expected] of judgements[index]?.probabilities.entries() ?? []) {
      const given = prediction?.probabilities[labels[label] ?? ""] ?? Number.NaN;
      if (!(Math.abs(given - expected) <= PARITY)) {
        throw new Error(
          `the exported graph says ${given} and training ${expected} for ${example.id}`,
        );
      }
    }
  }
};

/**
 * Trains a classifier: inspects and splits the pictures, embeds them with the frozen backbone, fits the head, judges it
 * on the test split, merges both into one graph and proves that the graph answers alike. Writes nothing but the split
 * lists and cached features.
 *
 * @throws UserError when the pictures do not suffice
 */
export const train = async (options: TrainOptions): Promise<Trained> => {
  const { source, backbone, seed } = options;
  const preprocessing = EFFICIENTNET_LITE0_PREPROCESSING;
  const threads = availableParallelism();
  const { examples, skipped } = await inspectPhotos(
    source,
    preprocessing,
    createProgress("reading pictures", source.photos.length),
  );
  const labels = [...new Set(examples.map(({ label }) => label))].sort();
  const splits = splitExamples(examples, seed);
  const about = { source: source.name, seed, labels };
  const { digest: splitDigest, counts } = await writeSplits(options.splits, splits, about);

  const featureOptions = { backbone, preprocessing, seed, cache: options.cache, threads };
  const data = await embedSplits(splits, labels, featureOptions);
  const prior = imageNetPrior(backbone, labels);
  const pulls = source.name === "sample" ? PULLS_FOR_DRAWINGS : PULLS;
  const fitting = createProgress("fitting the head", pulls.length);
  const start = { ...data, prior: prior ?? zeroHead(labels.length) };
  const fit = chooseFit(start, pulls, fitting.update);
  fitting.finish();

  const judgements = splits.test.map(
    ({ id, label }, index): Judgement => ({
      id,
      target: labels.indexOf(label),
      probabilities: [...predict(fit.head, data.test.embeddings[index] ?? new Float32Array())],
    }),
  );
  const evaluation = evaluate(judgements, labels);

  // What the head was not fitted on: what comes later is as unknown to it.
  const heldOut = [...data.val.embeddings, ...data.test.embeddings].map((embedding) => ({
    embedding,
    confidence: Math.max(...predict(fit.head, embedding)),
  }));

  const onnx = mergeModel(backbone, fit.head);
  const readOut = exportReadOut(backbone);
  const digest = digestOf(onnx);
  const side = preprocessing.inputSize;
  const draft: ModelMetadata = {
    schemaVersion: 1,
    name: options.name,
    version: versionOf(digest),
    digest,
    labels,
    input: { name: MODEL_INPUT, shape: [null, 3, side, side] },
    output: { name: MODEL_OUTPUT, shape: [null, labels.length] },
    preprocessing,
    backbone: BACKBONE,
    training: {
      source: source.name,
      seed,
      splitDigest,
      counts,
      hyperparameters: {
        head: "softmax regression",
        prior: prior ? "ImageNet read-out" : "zero",
        pull: fit.pull,
        pullsTried: pulls.join(" "),
        epochs: fit.epochs.length,
        bestEpoch: fit.best,
        augmentedViews: AUGMENTED_VIEWS,
      },
      provenance: prior ? PRIOR_PROVENANCE : {},
    },
    metrics: metricsOf(evaluation),
    golden: [],
    drift: makeDriftReference(heldOut),
    activation: ACTIVATION,
    imageNet: { file: READ_OUT_FILE, digest: digestOf(readOut) },
    segmenter: { file: SEGMENTER_FILE, ...SEGMENTER },
    build: {
      gitCommit: options.gitCommit,
      libraries: { node: process.versions.node, ...packageJson.dependencies },
    },
  };
  const model = { metadata: draft, onnx };
  const int8 = await makeInt8({ model, ...splits, seed, threads });
  const pictures = await withClassifier(model, threads, async (floats) => {
    await checkParity(floats, splits.test, judgements);
    return withClassifier({ metadata: draft, onnx: int8.onnx }, threads, (integers) =>
      pickGolden(splits.test, { fp32: floats, int8: integers }),
    );
  });
  const goldenOf = (precision: Precision): Golden[] =>
    pictures.map(({ file, label, probabilities }) => ({
      ...{ file, label },
      probability: probabilities[precision],
    }));
  const metadata = modelMetadataSchema.parse({
    ...draft,
    golden: goldenOf("fp32"),
    int8: { ...int8.about, golden: goldenOf("int8") },
  });
  const files = {
    "model.onnx": onnx,
    "model.int8.onnx": int8.onnx,
    [READ_OUT_FILE]: readOut,
    [SEGMENTER_FILE]: options.segmenter,
    "model.json": `${JSON.stringify(metadata, null, 2)}\n`,
    ...Object.fromEntries(pictures.map(({ file, bytes }) => [file, bytes])),
  };
  const tested = int8.about.byDefault ? int8.tested : { evaluation, judgements };
  return { metadata, files, fit, ...tested, test: splits.test, skipped };
};
