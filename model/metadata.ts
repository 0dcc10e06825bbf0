import { z } from "zod";
import { driftReferenceSchema } from "./drift-reference.ts";
import { preprocessingSchema } from "./preprocessing-settings.ts";

const sha256 = z.string().regex(/^sha256:[0-9a-f]{64}$/, "expected sha256: and 64 hex digits");
const share = z.number().min(0).max(1);

/** An accuracy with its 95 % Wilson interval, over `count` images. */
const accuracySchema = z.strictObject({
  accuracy: share,
  interval: z.tuple([share, share]),
  count: z.int().nonnegative(),
});

/** Precision, recall and F1 of one class (or their unweighted mean), and the number of images of it. */
const classMetricsSchema = z.strictObject({
  precision: share,
  recall: share,
  f1: share,
  support: z.int().nonnegative(),
});

/** Figures on the test split. */
const metricsSchema = z.strictObject({
  test: accuracySchema,
  macro: classMetricsSchema.omit({ support: true }),
  perClass: z.record(z.string(), classMetricsSchema),
  /** Mean cross-entropy, nats. */
  logLoss: z.number().nonnegative(),
  /** Expected calibration error, 10 equal-width bins. */
  calibrationError: share,
});

/** A labelled picture that travels with the model: what it must answer, for smoke tests from outside. */
const goldenSchema = z.strictObject({
  file: z.string().regex(/^golden\/[\w.-]+$/),
  label: z.string(),
  /** Probability of `label` that training computed for it. */
  probability: share,
});

/**
 * The same network in 8-bit integers, the file `model.int8.onnx`, and how its answers differ from those in floats on the
 * validation split.
 */
const int8Schema = z.strictObject({
  /** SHA-256 of the file: the model's identity where this file answers. */
  digest: sha256,
  /** Whether this file answers unless a setting says otherwise: not when it lost too much accuracy. */
  byDefault: z.boolean(),
  calibration: z.strictObject({
    /** How the range of each tensor came about: its least and greatest value over the pictures. */
    method: z.literal("min-max"),
    /** Training pictures that were run. */
    count: z.int().positive(),
    /** SHA-256 over their digests, a line each. */
    digest: sha256,
  }),
  validation: z.strictObject({
    count: z.int().positive(),
    accuracy: z.strictObject({ fp32: share, int8: share }),
    /** Accuracy lost, percentage points; negative when it gained. */
    lossPoints: z.number(),
    /** Pictures that got another label. */
    labelFlips: z.int().nonnegative(),
    /** Mean over pictures and labels of the difference between two probabilities. */
    meanDifference: share,
  }),
  /** Absent from models of older trainings, which tested the network in floats alone. */
  metrics: metricsSchema.optional(),
  /** The golden pictures, with its own probabilities. */
  golden: z.array(goldenSchema),
});

/** An ONNX file beside the model. */
const besideSchema = z.strictObject({ file: z.string().regex(/^[\w.-]+$/), digest: sha256 });

/**
 * Where the graph, in each precision, holds what explains an answer. The network's score of a label is the mean over all
 * places of `weights · features`, plus a bias: so each place's share of it is known (Zhou et al. 2016).
 */
const activationSchema = z.strictObject({
  /** Tensor of the last feature map, `[n, channels, height, width]`. */
  features: z.string().min(1),
  /** Tensor of its mean over all places, `[n, channels]`. */
  embedding: z.string().min(1),
  /** Constant that reads the embedding, `[labels, channels]`. */
  weights: z.string().min(1),
});

/**
 * `model.json`, the sidecar of `model.onnx`: everything a reader needs to use the model and to know where it came from.
 * Unknown keys are refused, so that a newer writer is noticed and not half understood.
 */
export const modelMetadataSchema = z
  .strictObject({
    schemaVersion: z.literal(1),
    name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
    /** Short name of this build for people: the first 12 digits of the digest. */
    version: z.string().min(1),
    /** SHA-256 of model.onnx. The model's identity: answers, /health and metrics carry it. */
    digest: sha256,
    /** Class names; the position is the index in the output vector. */
    labels: z.array(z.string().min(1)).min(2),
    input: z.strictObject({
      name: z.string(),
      shape: z.tuple([z.null(), z.int(), z.int(), z.int()]),
    }),
    output: z.strictObject({ name: z.string(), shape: z.tuple([z.null(), z.int()]) }),
    preprocessing: preprocessingSchema,
    backbone: z.strictObject({
      name: z.string(),
      source: z.string(),
      /** SHA-256 of the converted ONNX backbone. */
      digest: sha256,
      licence: z.string(),
    }),
    training: z.strictObject({
      source: z.enum(["kaggle", "folder", "sample"]),
      seed: z.int(),
      splitDigest: sha256,
      counts: z.strictObject({ train: z.int(), val: z.int(), test: z.int() }),
      /** Head settings and what the validation split chose, by name. */
      hyperparameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
      /** Where any number that was not fitted here comes from, by name. */
      provenance: z.record(z.string(), z.string()),
    }),
    /** Of model.onnx. */
    metrics: metricsSchema,
    golden: z.array(goldenSchema),
    /** Absent from models of older trainings. */
    int8: int8Schema.optional(),
    /** Absent from models of older trainings, which cannot explain their answers. */
    activation: activationSchema.optional(),
    /**
     * The backbone's own classifier over ImageNet's 1,000 classes, an ONNX file that reads the feature map. Absent from
     * models of older trainings.
     */
    imageNet: besideSchema.optional(),
    /**
     * A network that finds the foreground of a picture, an ONNX file in the manner of U²-Net. It comes as it is, whatever
     * the photos are. Absent from models of older trainings.
     */
    segmenter: besideSchema
      .extend({ name: z.string(), source: z.string(), licence: z.string() })
      .optional(),
    /** Absent from models of older trainings: what the service answers is then compared with nothing. */
    drift: driftReferenceSchema.optional(),
    build: z.strictObject({
      gitCommit: z.string(),
      libraries: z.record(z.string(), z.string()),
    }),
  })
  .refine((m) => new Set(m.labels).size === m.labels.length, "labels repeat")
  .refine((m) => m.output.shape[1] === m.labels.length, "output width differs from labels");

export type ModelMetadata = z.infer<typeof modelMetadataSchema>;
export type Golden = z.infer<typeof goldenSchema>;
