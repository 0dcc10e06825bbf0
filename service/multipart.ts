import { ProblemError } from "./problem.ts";

const MAX_PART_HEADER_BYTES = 8 * 1024;
const CRLF = "\r\n";

const malformed = (what: string): ProblemError =>
  new ProblemError("malformed-multipart", `The multipart body is malformed: ${what}.`);

/**
 * The boundary that a Content-Type declares.
 *
 * @throws ProblemError `malformed-multipart`
 */
const boundaryOf = (contentType: string): string => {
  const match = /;\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))\s*(?:;|$)/i.exec(contentType);
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) throw malformed("Content-Type has no boundary of 1 to 70 characters");
  return boundary;
};

const DISPOSITION = /^content-disposition[ \t]*:[ \t]*form-data[ \t]*(?=;|$)/i;
// Sticky: each match begins where the last one ended, so that a value is never read as a parameter.
const PARAMETER = /[ \t]*;[ \t]*([^\s=;"]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/y;

type Names = { readonly name: string; readonly filename: string | undefined };

/** The names in a part's Content-Disposition, with quoted pairs undone. */
const namesOf = (headers: string): Names => {
  for (const line of headers.split(CRLF)) {
    const disposition = DISPOSITION.exec(line);
    if (!disposition) continue;
    PARAMETER.lastIndex = disposition[0].length;
    const parameters = new Map<string | undefined, string>();
    for (let match = PARAMETER.exec(line); match; match = PARAMETER.exec(line)) {
      const key = match[1]?.toLowerCase();
      const value = match[2]?.replace(/\\(.)/g, "$1") ?? match[3] ?? "";
      if (!parameters.has(key)) parameters.set(key, value);
    }
    const name = parameters.get("name");
    if (name !== undefined) return { name, filename: parameters.get("filename") };
  }
  throw malformed("a part has no name in its Content-Disposition");
};

/** Whether a delimiter line ends the body (`--`), or begins another part (undefined when it is neither). */
const afterDelimiter = (body: Buffer, at: number): "end" | "part" | undefined => {
  if (body.toString("latin1", at, at + 2) === "--") return "end";
  let next = at;
  while (body[next] === 0x20 || body[next] === 0x09) next += 1;
  return body.toString("latin1", next, next + 2) === CRLF ? "part" : undefined;
};

/** Where the next delimiter line begins (its CRLF included), from `from` on. */
const nextDelimiter = (
  body: Buffer,
  delimiter: Buffer,
  from: number,
): { readonly start: number; readonly after: number; readonly kind: "end" | "part" } => {
  for (let start = body.indexOf(delimiter, from); start >= 0; ) {
    const after = start + delimiter.length;
    const kind = afterDelimiter(body, after);
    // The boundary's characters with something behind them are the part's own data.
    if (kind) return { start, after, kind };
    start = body.indexOf(delimiter, after);
  }
  throw malformed("the closing boundary is missing");
};

/** A part of a form. The data is a view of the body. */
export type Part = Names & { readonly data: Uint8Array<ArrayBuffer> };

/**
 * The parts of a multipart/form-data body (RFC 7578), each cut when it is asked for. Nothing is copied.
 *
 * @throws ProblemError `malformed-multipart`, and nothing else
 */
export function* partsOf(
  body: Uint8Array<ArrayBuffer>,
  contentType: string,
): Generator<Part, void, undefined> {
  const boundary = boundaryOf(contentType);
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const delimiter = Buffer.from(`${CRLF}--${boundary}`, "latin1");

  const atOnce = bytes.subarray(0, delimiter.length - 2).equals(delimiter.subarray(2));
  const kindAtOnce = atOnce ? afterDelimiter(bytes, delimiter.length - 2) : undefined;
  let at: { readonly after: number; readonly kind: "end" | "part" } = kindAtOnce
    ? { after: delimiter.length - 2, kind: kindAtOnce }
    : nextDelimiter(bytes, delimiter, 0);
  while (at.kind === "part") {
    const headersStart = bytes.indexOf(CRLF, at.after) + 2;
    // A part without headers begins with the empty line that would end them.
    const headersEnd = bytes.indexOf(CRLF + CRLF, headersStart - 2);
    if (headersEnd < 0 || headersEnd - headersStart > MAX_PART_HEADER_BYTES) {
      throw malformed("a part's headers do not end");
    }
    // An empty part's delimiter shares the CRLF that ends the headers.
    const next = nextDelimiter(bytes, delimiter, headersStart - 2);
    if (next.start < headersEnd) throw malformed("a part's headers do not end");
    const names = namesOf(bytes.toString("utf8", headersStart, headersEnd));
    const start = headersEnd + 4;
    yield { ...names, data: body.subarray(start, Math.max(start, next.start)) };
    at = next;
  }
}

/**
 * Cuts the one part out of a multipart/form-data body that must hold nothing else.
 *
 * @throws ProblemError `malformed-multipart`, `missing-part`, `too-many-parts` or `wrong-field`, and nothing else
 */
export const cutPart = (
  body: Uint8Array<ArrayBuffer>,
  contentType: string,
  name: string,
): Uint8Array<ArrayBuffer> => {
  let only: Part | undefined;
  for (const part of partsOf(body, contentType)) {
    if (only) {
      throw new ProblemError(
        "too-many-parts",
        `The body has more than one part; send one image, as "${name}".`,
      );
    }
    only = part;
  }
  if (!only) {
    throw new ProblemError("missing-part", `The body has no part; send the image as "${name}".`);
  }
  if (only.name !== name) {
    throw new ProblemError(
      "wrong-field",
      `The part has another name; send the image as "${name}".`,
    );
  }
  return only.data;
};
