import { escapeText, htmlDocument } from "../html/document.ts";
import type { createOpenApiDocument } from "./document.ts";

type Document = ReturnType<typeof createOpenApiDocument>;
type Operation = NonNullable<NonNullable<Document["paths"]>[string]["get"]>;

const list = (types: readonly string[]): string => escapeText(types.join(", ") || "nothing");

const contentOf = (part: object | undefined): string[] =>
  part && "content" in part ? Object.keys(part.content ?? {}) : [];

const section = (path: string, method: string, operation: Operation): string => {
  const rows = Object.entries(operation.responses ?? {}).map(([status, response]) => {
    const cells = [(response as { description: string }).description].map(escapeText);
    return `<tr><th scope="row">${escapeText(status)}</th>${cells.map((cell) => `<td>${cell}</td>`).join("")}<td>${list(contentOf(response))}</td></tr>`;
  });
  const takes = contentOf(operation.requestBody);
  return `<section><h2><code>${method.toUpperCase()} ${escapeText(path)}</code></h2>
<p>${escapeText(operation.summary ?? "")}${takes.length > 0 ? `; takes ${list(takes)}` : ""}</p>
<table><thead><tr><th scope="col">Status</th><th scope="col">Meaning</th><th scope="col">Content</th></tr></thead><tbody>${rows.join("")}</tbody></table></section>`;
};

/** A page for people that says what the document says of each route, and asks for nothing from elsewhere. */
export const openApiPage = ({ info, paths = {}, components }: Document): string => {
  const sections = Object.entries(paths).flatMap(([path, item]) =>
    (["get", "post", "delete"] as const).flatMap((method) => {
      const operation = item[method];
      return operation ? [section(path, method, operation)] : [];
    }),
  );
  const schemas = Object.entries(components?.schemas ?? {}).map(
    ([name, schema]) =>
      `<details><summary>${escapeText(name)}</summary><pre>${escapeText(JSON.stringify(schema, undefined, 2))}</pre></details>`,
  );
  const body = `<p>${escapeText(info.description ?? "")} For programs: <a href="/openapi.json">/openapi.json</a>.</p>
${sections.join("\n")}
<h2>Schemas</h2>
${schemas.join("\n")}`;
  return htmlDocument({ title: `${info.title} ${info.version}: the API`, style: "", body });
};
