import { IMAGE_TYPES } from "../model/image-type.ts";
import { cutPart } from "./multipart.ts";
import { ProblemError } from "./problem.ts";

const MULTIPART = "multipart/form-data";
const RAW_TYPES: ReadonlySet<string> = new Set([...IMAGE_TYPES, "application/octet-stream"]);

/**
 * Checks the headers of an upload before anything of its body is read.
 *
 * @param part name of the multipart part that holds the image
 * @returns what cuts the image out of the body
 * @throws ProblemError `unsupported-type`
 */
export const acceptUpload = (
  headers: Readonly<Record<string, string | string[] | undefined>>,
  part = "image",
): ((body: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>) => {
  const contentType = String(headers["content-type"] ?? "");
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    throw new ProblemError("unsupported-type", "The body is compressed; send it as it is.");
  }
  if (type === MULTIPART) return (body) => cutPart(body, contentType, part);
  if (RAW_TYPES.has(type)) return (body) => body;
  throw new ProblemError(
    "unsupported-type",
    `Content-Type is ${type ? `"${type.slice(0, 100)}"` : "missing"}; send ${MULTIPART} with the image as "${part}", or one of ${[...RAW_TYPES].join(", ")}.`,
    { headers: { accept: [MULTIPART, ...RAW_TYPES].join(", ") } },
  );
};
