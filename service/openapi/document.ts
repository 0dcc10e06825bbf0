import { createDocument, type ZodOpenApiPathsObject } from "zod-openapi";
import { isProtocolPath } from "../routes/inference-protocol.ts";
import { SECURITY_SCHEMES, withAccess } from "./access.ts";
import { inferenceProtocolPaths } from "./inference-protocol-paths.ts";
import { jobPaths } from "./job-paths.ts";
import { problems, protocolErrors } from "./parts.ts";
import { photoPaths } from "./photo-paths.ts";
import { indexPath, servicePaths } from "./service-paths.ts";

/** Adds to the guarded operations that a key may be asked for, and that a client may ask too often. */
const guarded = (paths: ZodOpenApiPathsObject): ZodOpenApiPathsObject =>
  withAccess(paths, (path) => (isProtocolPath(path) ? protocolErrors : problems)(401, 403, 429));

/** The OpenAPI 3.1 document of all routes. @param version the service's */
export const createOpenApiDocument = (version: string): ReturnType<typeof createDocument> =>
  createDocument({
    openapi: "3.1.0",
    info: {
      title: "Image classification",
      version,
      description:
        "Answers what is in a photo. Every answer has x-request-id, which is in the log.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    components: { securitySchemes: SECURITY_SCHEMES },
    paths: guarded({
      ...indexPath,
      ...photoPaths,
      ...jobPaths,
      ...servicePaths,
      ...inferenceProtocolPaths,
    }),
  });
