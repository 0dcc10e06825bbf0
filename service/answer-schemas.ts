import { z } from "zod";
import { PRECISIONS } from "../model/precision.ts";

/*
 * What the routes answer, as the OpenAPI document describes it. Routes hold their answers against these by type; the
 * Open Inference Protocol has its own in inference-protocol/schemas.ts, and so have /process and jobs.
 */

/** Which model made an answer. */
export const modelReferenceSchema = z
  .object({ name: z.string(), version: z.string(), digest: z.string() })
  .meta({ id: "ModelReference" });

/** Where in the photo the network saw what speaks for a label. */
export const explanationSchema = z
  .object({
    method: z.literal("class-activation-map"),
    label: z.string(),
    width: z.int().positive(),
    height: z.int().positive(),
    values: z.array(z.array(z.number().min(0).max(1))).meta({
      description:
        "Rows from the top, each from the left: 0 is the least of the map, 1 the greatest.",
    }),
    scores: z.object({ least: z.number(), greatest: z.number() }).meta({
      description:
        "What 0 and 1 stand for. The mean of all places and the label's bias is its score before softmax.",
    }),
    covers: z.number().meta({
      description:
        "Side of the square in the photo's middle that the map lies on, as a share of the photo's shorter side.",
    }),
  })
  .meta({ id: "Explanation" });

/** What `/predict` answers. */
export const predictAnswerSchema = z
  .object({
    label: z.string(),
    /** Not bounded: a rounded softmax may be a hair above 1. */
    probability: z.number(),
    probabilities: z.record(z.string(), z.number()),
    model: modelReferenceSchema,
    /** Only when it was asked for. */
    explanation: explanationSchema.optional(),
  })
  .meta({ id: "Prediction" });

const statusSchema = z.enum(["ok", "starting", "draining"]);

/** What `/livez` and `/readyz` answer. */
export const probeAnswerSchema = z.object({ status: statusSchema }).meta({ id: "Probe" });

/** What `/health` answers: the model that serves, null before there is one, and what serves it. */
export const healthAnswerSchema = z
  .object({
    status: statusSchema,
    model: modelReferenceSchema
      .extend({
        labels: z.array(z.string()),
        source: z.string(),
        testAccuracy: z.number(),
        testAccuracyOf: z.enum(PRECISIONS).meta({
          description:
            "Which file of the model was tested: the one that answers, but fp32 for an int8 file that an older training did not test.",
        }),
        gitCommit: z.string(),
      })
      .meta({ id: "ServedModel" })
      .nullable(),
    build: z.object({
      version: z.string(),
      commit: z.string(),
      node: z.string(),
      onnxruntime: z.string(),
    }),
  })
  .meta({ id: "Health" });

/** What `/` answers. */
export const indexAnswerSchema = z
  .object({ name: z.string(), routes: z.record(z.string(), z.string()) })
  .meta({ id: "Index" });

/** What every failed request answers (RFC 9457), those of the Open Inference Protocol excepted. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    instance: z.string(),
    requestId: z.string(),
    traceId: z.string().optional(),
  })
  .meta({ id: "Problem" });
