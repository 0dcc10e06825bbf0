import { parseDocument, type YAMLMap, type YAMLSeq } from "yaml";
import { UserError } from "../user-error.ts";
import { SERVICE_IMAGE } from "./render.ts";

/** What a rendered overlay has until `set-image` puts a digest there; no node can pull it. */
export const PLACEHOLDER_DIGEST = "sha256:to-be-set-by-infra-cli-set-image";

/** An image by its digest. */
export type PinnedImage = { readonly name: string; readonly digest: string };

/**
 * Reads `name@sha256:…`, with or without a tag in front of the @.
 *
 * @throws UserError when it has no digest: a tag can be moved to another image
 */
export const parsePinnedImage = (reference: string): PinnedImage => {
  const match = /^([\w.-]+(?::\d+)?(?:\/[\w.-]+)+)(?::[\w.-]+)?@(sha256:[0-9a-f]{64})$/.exec(
    reference,
  );
  const [, name, digest] = match ?? [];
  if (name && digest) return { name, digest };
  throw new UserError(
    `${reference} is no image by digest; give registry/name@sha256:<64 hex digits>.`,
  );
};

const imagesOf = (text: string) => {
  const document = parseDocument(text);
  const images = document.get("images") as YAMLSeq<YAMLMap> | undefined;
  const entry = images?.items.find((item) => item.get("name") === SERVICE_IMAGE);
  if (!entry) {
    throw new UserError(
      `the overlay's kustomization.yaml has no image ${SERVICE_IMAGE}; run \`make render\`.`,
    );
  }
  return { document, entry };
};

/** The text of a kustomization with the service's image set; the same text when it is set already. */
export const withImage = (text: string, { name, digest }: PinnedImage): string => {
  const { document, entry } = imagesOf(text);
  if (name === SERVICE_IMAGE) entry.delete("newName");
  else entry.set("newName", name);
  entry.set("digest", digest);
  return document.toString({ lineWidth: 0 });
};

/** A rendered kustomization with the image that the one before it had. Other files pass as they are. */
export const keepImages = (rendered: string, before: string): string => {
  if (!/^images:$/m.test(rendered) || !/^images:$/m.test(before)) return rendered;
  const { entry } = imagesOf(before);
  const name = entry.get("newName") ?? SERVICE_IMAGE;
  return withImage(rendered, { name: String(name), digest: String(entry.get("digest")) });
};
