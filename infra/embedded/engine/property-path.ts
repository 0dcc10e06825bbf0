import { isMap, type PropertyMap, type PropertyValue } from "./property-values.ts";

/** A place inside a property value, from the outside in. */
export type PropertyPath = readonly (string | number)[];

const STEP = /\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g;

/** Reads a path as `ignoreChanges` writes it: `spec.containers[0].image`, `metadata.annotations["a.b/c"]`. */
export const parsePath = (path: string): PropertyPath =>
  [...path.matchAll(STEP)].map(([, quoted, index, name]) =>
    index !== undefined ? Number(index) : (quoted?.replaceAll(/\\(.)/g, "$1") ?? name ?? ""),
  );

/** Writes a path as people read it. */
export const formatPath = (path: PropertyPath): string =>
  path
    .map((step, at) => {
      if (typeof step === "number") return `[${step}]`;
      if (!/^[\w-]+$/.test(step)) return `["${step}"]`;
      return at === 0 ? step : `.${step}`;
    })
    .join("");

/** Whether `inner` is `outer` or lies inside it. */
export const isInside = (inner: PropertyPath, outer: PropertyPath): boolean =>
  outer.every((step, at) => inner[at] === step);

/** The value at a path; undefined when there is none. */
export const valueAt = (
  value: PropertyValue | undefined,
  path: PropertyPath,
): PropertyValue | undefined => {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (Array.isArray(value) && typeof step === "number") return valueAt(value[step], rest);
  if (isMap(value)) return valueAt(value[String(step)], rest);
  return undefined;
};

const replaceAt = (
  value: PropertyValue | undefined,
  path: PropertyPath,
  content: PropertyValue | undefined,
): PropertyValue | undefined => {
  const [step, ...rest] = path;
  if (step === undefined) return content;
  if (typeof step === "number") {
    if (!Array.isArray(value) || step >= value.length) return value;
    const item = replaceAt(value[step], rest, content);
    return item === undefined ? value : value.with(step, item);
  }
  if (value !== undefined && !isMap(value)) return value;
  if (value === undefined && content === undefined) return value;
  const { [step]: old, ...others } = value ?? {};
  const item = replaceAt(old, rest, content);
  return item === undefined ? others : { ...others, [step]: item };
};

/** The map with the value at a path replaced, or removed when `content` is undefined. Unreachable list items stay. */
export const withValueAt = (
  map: PropertyMap,
  path: PropertyPath,
  content: PropertyValue | undefined,
): PropertyMap => (replaceAt(map, path, content) as PropertyMap | undefined) ?? {};
