import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { EFFICIENTNET_LITE0_PREPROCESSING } from "../../model/preprocessing-settings.ts";
import { readMetadata, resolveModel } from "../../model/store.ts";
import { cacheDirectory } from "../cache-directory.ts";
import { inspectPhotos } from "../inspect.ts";
import { createProgress } from "../progress.ts";
import { openFolder } from "../sources/folder.ts";
import { openSource } from "../sources/open-source.ts";
import type { Photo, SourceName } from "../sources/source.ts";
import { digestOfSplits, splitExamples } from "../splits.ts";
import { UserError } from "../user-error.ts";

/** Which labelled pictures a deployed model is asked about. */
export type LabelledSetChoice =
  /** Every picture of a folder. */
  | { readonly kind: "folder"; readonly data: string }
  /** What a training of this source kept back for its test. */
  | {
      readonly kind: "test-split";
      readonly source: SourceName;
      readonly data?: string;
      readonly seed: number;
      readonly count?: number;
    }
  /** The few pictures that travel with a model. */
  | { readonly kind: "golden"; readonly model: string };

/** Labelled pictures. */
export type LabelledSet = {
  /** For people: "the test split of source sample". */
  readonly name: string;
  readonly photos: readonly Photo[];
  /** Whether every picture is known to decode: a service that refuses one is at fault, or its limits are too narrow. */
  readonly decodable: boolean;
  /** Of the split that the pictures are the test part of, where they are one: a model of another one may know them. */
  readonly splitDigest?: string;
  /** Closes what the pictures are read from. */
  readonly close: () => Promise<void>;
};

const openTestSplit = async (
  choice: Extract<LabelledSetChoice, { kind: "test-split" }>,
): Promise<LabelledSet> => {
  const source = await openSource({ ...choice, cache: cacheDirectory() });
  try {
    const { examples } = await inspectPhotos(
      source,
      EFFICIENTNET_LITE0_PREPROCESSING,
      createProgress("reading pictures", source.photos.length),
    );
    const splits = splitExamples(examples, choice.seed);
    return {
      name: `the test split of source ${source.name}, seed ${choice.seed}`,
      ...{ photos: splits.test, decodable: true, close: source.close },
      splitDigest: digestOfSplits(splits),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
};

const openGolden = async (model: string): Promise<LabelledSet> => {
  const { directory } = await resolveModel(model);
  const { golden } = await readMetadata(directory);
  if (golden.length === 0) throw new UserError(`${directory} has no golden pictures; train again.`);
  const photos = golden.map(
    ({ file, label }): Photo => ({ id: file, label, read: () => readFile(join(directory, file)) }),
  );
  const name = `the golden pictures of ${model}`;
  return { name, photos, decodable: true, close: () => Promise.resolve() };
};

/**
 * Opens the labelled pictures that were asked for.
 *
 * @throws UserError when they cannot be had
 * @throws ModelError when the model whose golden pictures are asked for cannot be read
 */
export const openLabelledSet = async (choice: LabelledSetChoice): Promise<LabelledSet> => {
  switch (choice.kind) {
    case "folder":
      return {
        ...(await openFolder(choice.data)),
        ...{ name: `all pictures of ${choice.data}`, decodable: false },
      };
    case "test-split":
      return openTestSplit(choice);
    case "golden":
      return openGolden(choice.model);
  }
};
