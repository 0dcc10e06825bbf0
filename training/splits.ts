import { join } from "node:path";
import { digestOf } from "../model/digest.ts";
import { writeFileAtomic } from "../model/write-atomic.ts";
import { createRandom } from "./random.ts";
import { UserError } from "./user-error.ts";

/** The parts of a data set, and the share of each class that goes there. */
const SPLIT_SHARES = { train: 0.8, val: 0.1, test: 0.1 } as const;
type SplitName = keyof typeof SPLIT_SHARES;
const SPLIT_NAMES = ["train", "val", "test"] as const;

/** What a split needs to know about a picture. */
export type Splittable = {
  readonly id: string;
  readonly label: string;
  readonly digest: string;
  readonly pixelDigest: string;
};

/** The parts; each is sorted by id. */
export type Splits<T> = Readonly<Record<SplitName, readonly T[]>>;

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Pictures with equal pixels, as one group; the group's label is its first picture's. */
const groupEqual = <T extends Splittable>(items: readonly T[]): T[][] => {
  const sorted = [...items].sort((a, b) => compare(a.digest, b.digest) || compare(a.id, b.id));
  return [...Map.groupBy(sorted, ({ pixelDigest }) => pixelDigest).values()];
};

/**
 * Splits pictures into 80 % train, 10 % validation and 10 % test, class by class. Pictures with equal pixels stay
 * together. The same pictures and seed give the same parts, in whatever order the pictures come.
 *
 * @throws UserError when a class has too few different pictures to be in each part
 */
export const splitExamples = <T extends Splittable>(
  items: readonly T[],
  seed: number,
): Splits<T> => {
  const parts: Record<SplitName, T[]> = { train: [], val: [], test: [] };
  const byLabel = Map.groupBy(groupEqual(items), ([first]) => first?.label ?? "");
  for (const label of [...byLabel.keys()].sort(compare)) {
    const groups = createRandom("split", seed, label).shuffle(byLabel.get(label) ?? []);
    if (groups.length < SPLIT_NAMES.length) {
      throw new UserError(
        `class "${label}" has ${groups.length} different pictures; ${SPLIT_NAMES.length} are the least, some hundred are useful.`,
      );
    }
    const total = groups.reduce((sum, group) => sum + group.length, 0);
    let left = groups.length;
    const fill = (name: SplitName, wanted: number, leave: number): void => {
      let taken = 0;
      while (taken < Math.max(1, wanted) && left > leave) {
        const group = groups[--left] ?? [];
        taken += group.length;
        parts[name].push(...group);
      }
    };
    fill("test", Math.round(total * SPLIT_SHARES.test), 2);
    fill("val", Math.round(total * SPLIT_SHARES.val), 1);
    fill("train", Number.POSITIVE_INFINITY, 0);
  }
  for (const name of SPLIT_NAMES) parts[name].sort((a, b) => compare(a.id, b.id));
  return parts;
};

/** What `metadata.json` beside the lists says. */
export type SplitMetadata = {
  readonly source: string;
  readonly seed: number;
  readonly counts: Readonly<Record<SplitName, number>>;
  readonly countsByClass: Readonly<Record<string, Readonly<Record<SplitName, number>>>>;
  /** Index of each class in the model's output. */
  readonly classes: Readonly<Record<string, number>>;
  /** SHA-256 over the three lists. */
  readonly digest: string;
};

/** The three lists: a line for each picture, `digest TAB label TAB id`. */
const formatList = (items: readonly Splittable[]): string =>
  items.map(({ digest, label, id }) => `${digest}\t${label}\t${id}\n`).join("");

const digestOfLists = (lists: readonly string[]): string =>
  digestOf(lists.map((list) => digestOf(list)).join("\n"));

/** What tells one split from another: SHA-256 over its three lists. */
export const digestOfSplits = (splits: Splits<Splittable>): string =>
  digestOfLists(SPLIT_NAMES.map((name) => formatList(splits[name])));

/** Writes `train.txt`, `val.txt`, `test.txt` and, last, `metadata.json`. */
export const writeSplits = async (
  directory: string,
  splits: Splits<Splittable>,
  about: { readonly source: string; readonly seed: number; readonly labels: readonly string[] },
): Promise<SplitMetadata> => {
  const lists = SPLIT_NAMES.map((name) => formatList(splits[name]));
  const count = (label?: string) => {
    const of = (name: SplitName): number =>
      splits[name].filter((item) => label === undefined || item.label === label).length;
    return { train: of("train"), val: of("val"), test: of("test") };
  };
  const metadata: SplitMetadata = {
    source: about.source,
    seed: about.seed,
    counts: count(),
    countsByClass: Object.fromEntries(about.labels.map((label) => [label, count(label)])),
    classes: Object.fromEntries(about.labels.map((label, index) => [label, index])),
    digest: digestOfLists(lists),
  };
  for (const [index, name] of SPLIT_NAMES.entries()) {
    await writeFileAtomic(join(directory, `${name}.txt`), lists[index] ?? "");
  }
  await writeFileAtomic(join(directory, "metadata.json"), `${JSON.stringify(metadata, null, 2)}\n`);
  return metadata;
};
