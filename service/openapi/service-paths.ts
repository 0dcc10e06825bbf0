import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { healthAnswerSchema, indexAnswerSchema, probeAnswerSchema } from "../answer-schemas.ts";
import { STORED_TYPES } from "../storage/storage.ts";
import { binary, json, problems, text } from "./parts.ts";

/** The way in. */
export const indexPath: ZodOpenApiPathsObject = {
  "/": {
    get: {
      summary: "The routes, or the page for those who accept HTML",
      responses: {
        200: {
          description: "Them, or it.",
          content: {
            "application/json": { schema: indexAnswerSchema },
            "text/html": { schema: z.string() },
          },
        },
      },
    },
  },
};

/** What tells of the service itself, and what gives out files. */
export const servicePaths: ZodOpenApiPathsObject = {
  "/health": {
    get: {
      summary: "What is served, and what serves it",
      responses: {
        200: json("Requests are welcome.", healthAnswerSchema),
        503: json("Not now.", healthAnswerSchema),
      },
    },
  },
  "/livez": {
    get: { summary: "Whether it lives", responses: { 200: json("Yes.", probeAnswerSchema) } },
  },
  "/readyz": {
    get: {
      summary: "Whether requests are welcome",
      responses: { 200: json("Yes.", probeAnswerSchema), 503: json("Not now.", probeAnswerSchema) },
    },
  },
  "/metrics": {
    get: { summary: "Metrics", responses: { 200: text("Prometheus' format.", "text/plain") } },
  },
  "/status": {
    get: {
      summary: "The dashboards",
      requestParams: {
        query: z.object({
          refresh: z.string().optional().meta({
            description:
              "30: the page loads itself again every 30 seconds. Anything else is ignored.",
          }),
        }),
      },
      responses: { 200: text("A page.", "text/html") },
    },
  },
  "/page/{script}": {
    get: {
      summary: "A script of the page at /",
      requestParams: { path: z.object({ script: z.string().meta({ example: "main.js" }) }) },
      responses: { 200: text("The script.", "text/javascript"), ...problems(404) },
    },
  },
  "/outputs/{key}": {
    get: {
      summary: "An output that was kept, by its signed link",
      requestParams: {
        path: z.object({ key: z.string().meta({ example: "3f0c.png" }) }),
        query: z.object({ expires: z.string().optional(), signature: z.string().optional() }),
      },
      responses: {
        200: {
          description: "The output.",
          content: Object.fromEntries(STORED_TYPES.map((type) => [type, { schema: binary }])),
        },
        ...problems(403, 404),
      },
    },
  },
  "/openapi.json": {
    get: {
      summary: "This document",
      responses: { 200: json("OpenAPI 3.1.", z.looseObject({ openapi: z.string() })) },
    },
  },
  "/docs": {
    get: {
      summary: "This document, to read",
      responses: { 200: text("A page.", "text/html") },
    },
  },
};
