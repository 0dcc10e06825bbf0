import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, it } from "vitest";
import { ROUTES } from "../app.ts";
import { createOpenApiDocument } from "./document.ts";
import { openApiPage } from "./page.ts";

const document = createOpenApiDocument("1.2.3");

/** What a program gets to read. */
const published = (): Record<string, unknown> => JSON.parse(JSON.stringify(document));

describe("createOpenApiDocument", () => {
  it("is a valid OpenAPI 3.1 document", async () => {
    const validator = new Validator();
    expect(await validator.validate(published())).toEqual({ valid: true });
    expect(validator.version).toBe("3.1");
  });

  it("has every route with every method, and no other", () => {
    const methods = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const routes = Object.entries(ROUTES).flatMap(([path, allow]) =>
      allow
        .split(", ")
        .filter((method) => method !== "HEAD")
        .map((method) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`),
    );
    expect(methods.sort()).toEqual(routes.sort());
  });
});

describe("openApiPage", () => {
  it("shows each route, runs nothing, and loads nothing", () => {
    const page = openApiPage(document);
    for (const path of Object.keys(document.paths ?? {})) expect(page).toContain(` ${path}</code>`);
    expect(page).not.toMatch(/<script|src=|url\(|href="http/);
  });
});
