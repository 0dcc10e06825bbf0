import openapiTS, { astToString, type OpenAPI3 } from "openapi-typescript";
import { factory } from "typescript";
import { expect, it } from "vitest";
import { createOpenApiDocument } from "./document.ts";

const BLOB = factory.createTypeReferenceNode("Blob");

it("has types for clients, in examples/openapi.d.ts (new ones: add --update)", async () => {
  const document = JSON.parse(JSON.stringify(createOpenApiDocument("1"))) as OpenAPI3;
  const types = await openapiTS(document, {
    transform: (schema) => ("format" in schema && schema.format === "binary" ? BLOB : undefined),
  });
  await expect(astToString(types)).toMatchFileSnapshot("../../examples/openapi.d.ts");
});
