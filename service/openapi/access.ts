import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from "zod-openapi";
import { OPEN_ROUTES } from "../access/guard.ts";

type Responses = ZodOpenApiOperationObject["responses"];

/** How a key is sent, for the document's components. */
export const SECURITY_SCHEMES = {
  apiKey: {
    type: "http",
    scheme: "bearer",
    description: "A key, where the service asks for one.",
  },
} as const;

/** With a key, or without: the service may have none. */
const SECURITY = [{}, { apiKey: [] }];

/**
 * Adds to every guarded operation what its guard asks and answers, so that no route has to say it again.
 *
 * @param answers those of a refused request, by path
 */
export const withAccess = (
  paths: ZodOpenApiPathsObject,
  answers: (path: string) => Responses,
): ZodOpenApiPathsObject =>
  Object.fromEntries(
    Object.entries(paths).map(([path, item]) => {
      if (OPEN_ROUTES.has(path.replaceAll(/\{(\w+)\}/g, ":$1"))) return [path, item];
      const guarded = Object.entries(item as Record<string, ZodOpenApiOperationObject>).map(
        ([method, operation]) => [
          method,
          {
            ...operation,
            security: SECURITY,
            responses: { ...answers(path), ...operation.responses },
          },
        ],
      );
      return [path, Object.fromEntries(guarded)];
    }),
  );
