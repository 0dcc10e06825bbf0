import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { predictAnswerSchema } from "../answer-schemas.ts";
import { processAnswerSchema } from "../process/answer-schema.ts";
import { processQuerySchema } from "../process/read-query.ts";
import { binary, json, problems, requestTimeout, upload } from "./parts.ts";

/** What answers one photo at once. */
export const photoPaths: ZodOpenApiPathsObject = {
  "/predict": {
    post: {
      summary: "Label and probabilities of a photo",
      requestParams: {
        header: z.object({ "request-timeout": requestTimeout.optional() }),
        query: z.object({
          explain: z.enum(["0", "1"]).optional().meta({
            description: "1: the answer says where in the photo it comes from, too.",
          }),
        }),
      },
      requestBody: upload("image"),
      responses: {
        200: json("The prediction.", predictAnswerSchema),
        ...problems(400, 408, 409, 413, 415, 422, 429, 500, 503, 504),
      },
    },
  },
  "/process": {
    post: {
      summary: "Foreground, quality and tags of a product's photo",
      requestParams: {
        query: processQuerySchema,
        header: z.object({ "request-timeout": requestTimeout.optional() }),
      },
      requestBody: upload("file"),
      responses: {
        200: {
          description:
            "What was found; or the picture, for those who want image/png more than JSON.",
          headers: z.object({
            "content-location": z.string().optional().meta({
              description: "With the picture, where it was kept: a link that opens it for a while.",
            }),
          }),
          content: {
            "application/json": { schema: processAnswerSchema },
            "image/png": { schema: binary },
          },
        },
        ...problems(400, 408, 413, 415, 422, 429, 500, 501, 503, 504),
      },
    },
  },
};
