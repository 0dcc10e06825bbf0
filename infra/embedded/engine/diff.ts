import { formatPath, type PropertyPath } from "./property-path.ts";
import {
  isMap,
  isSecret,
  type PropertyMap,
  type PropertyValue,
  redact,
  sameValue,
} from "./property-values.ts";

/** One property that differs. `before` is missing when it was added, `after` when it was removed. */
export type Change = {
  readonly path: PropertyPath;
  readonly before?: PropertyValue;
  readonly after?: PropertyValue;
};

const diffValues = (
  path: PropertyPath,
  before: PropertyValue | undefined,
  after: PropertyValue | undefined,
): readonly Change[] => {
  if (before === undefined) return after === undefined ? [] : [{ path, after }];
  if (after === undefined) return [{ path, before }];
  if (sameValue(before, after)) return [];
  // A secret is compared as a whole: which part of it differs would tell about its content.
  if (isSecret(before) || isSecret(after)) return [{ path, before, after }];
  if (isMap(before) && isMap(after)) return diffMaps(path, before, after);
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, index) =>
      diffValues([...path, index], before[index], after[index]),
    ).flat();
  }
  return [{ path, before, after }];
};

const diffMaps = (path: PropertyPath, before: PropertyMap, after: PropertyMap): readonly Change[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .sort()
    .flatMap((key) => diffValues([...path, key], before[key], after[key]));

/** The properties that differ between two sets of inputs, in the order of their names. */
export const diffProperties = (before: PropertyMap, after: PropertyMap): readonly Change[] =>
  diffMaps([], before, after);

const show = (value: PropertyValue): string => {
  const text = JSON.stringify(redact(value));
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
};

/** One line a change, as a preview shows it; secrets are hidden. */
export const describeChange = ({ path, before, after }: Change): string => {
  const name = formatPath(path);
  if (before === undefined) return `+ ${name}: ${show(after ?? null)}`;
  if (after === undefined) return `- ${name}: ${show(before)}`;
  return `~ ${name}: ${show(before)} => ${show(after)}`;
};
