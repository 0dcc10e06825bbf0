import { isDeepStrictEqual } from "node:util";

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isNamed = (value: unknown): value is readonly (Fields & { readonly name: string })[] =>
  Array.isArray(value) && value.every((item) => isFields(item) && typeof item["name"] === "string");

/** Lists that Kubernetes merges by the names of their items; of others the patch says all. */
const BY_NAME = new Set(["containers"]);

const patchOf = (key: string, base: unknown, wanted: unknown): unknown => {
  if (isFields(base) && isFields(wanted)) return strategicPatch(base, wanted);
  if (BY_NAME.has(key) && isNamed(base) && isNamed(wanted)) {
    return wanted.flatMap((item) => {
      const patch = strategicPatch(base.find(({ name }) => name === item.name) ?? {}, item);
      return patch ? [{ name: item.name, ...patch }] : [];
    });
  }
  return wanted;
};

/**
 * What must be laid over `base` by a strategic merge to get `wanted`, which adds and changes fields but leaves none out;
 * undefined when they are equal.
 *
 * @see https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
 */
export const strategicPatch = (base: Fields, wanted: Fields): Fields | undefined => {
  const entries = Object.entries(wanted)
    .filter(([key, value]) => !isDeepStrictEqual(base[key], value))
    .map(([key, value]) => [key, patchOf(key, base[key], value)] as const);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
};
