import { containersOf, type PodSpec } from "../cluster-object.ts";
import { whenKnown } from "../unknown-values.ts";

const DIGEST = /@sha256:[0-9a-f]{64}$/;
/** This project's own images on Minikube: the node's store has no digests, so a tag made of the content names them. */
const OWN_CONTENT_TAG = /^docker\.io\/cats-dogs\/[\w-]+:[0-9a-f]{16}$/;

const judgeImages = (
  pod: PodSpec,
  problem: (image: string) => string | undefined,
): readonly string[] =>
  whenKnown(() =>
    containersOf(pod).flatMap(({ label, container }) =>
      whenKnown(() => {
        const found = problem(container.image ?? "");
        return found === undefined ? [] : [`${label} ${found}`];
      }),
    ),
  );

/** Images that are not named by their digest. `contentTags`: a tag made of the content counts for this project's own. */
export const imagesWithoutDigest = (
  pod: PodSpec,
  { contentTags }: { readonly contentTags: boolean },
): readonly string[] =>
  judgeImages(pod, (image) =>
    DIGEST.test(image) || (contentTags && OWN_CONTENT_TAG.test(image))
      ? undefined
      : `uses the image "${image}" without a digest`,
  );

/** Images whose tag is `latest`, or that have neither tag nor digest, which means the same. */
export const latestImages = (pod: PodSpec): readonly string[] =>
  judgeImages(pod, (image) => {
    const [name = "", digest] = image.split("@");
    const tag = /:([^/]*)$/.exec(name)?.[1];
    if (tag === "latest") return `uses the image "${image}", whose tag is latest`;
    return tag === undefined && digest === undefined
      ? `uses the image "${image}", which has no tag`
      : undefined;
  });
