import { isDeepStrictEqual } from "node:util";

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isList = (value: unknown): value is readonly Fields[] =>
  Array.isArray(value) && value.every(isFields);

/**
 * The lists that Kubernetes merges item by item, by the field that tells these apart (a container's ports have another one
 * than a Service's). Of every other list the patch says all.
 */
const MERGE_KEYS: Readonly<Record<string, readonly string[]>> = {
  containers: ["name"],
  initContainers: ["name"],
  volumes: ["name"],
  volumeMounts: ["mountPath"],
  env: ["name"],
  ports: ["containerPort", "port"],
  topologySpreadConstraints: ["topologyKey"],
};

const mergeItems = (
  key: string,
  base: readonly Fields[],
  wanted: readonly Fields[],
): readonly Fields[] => {
  const among = (items: readonly Fields[], item: Fields): Fields | undefined =>
    items.find((other) => other[key] === item[key]);
  const laid = wanted.flatMap((item) => {
    const patch = strategicPatch(among(base, item) ?? {}, item);
    return patch ? [{ [key]: item[key], ...patch }] : [];
  });
  const gone = base.filter((item) => !among(wanted, item));
  return [...laid, ...gone.map((item) => ({ [key]: item[key], $patch: "delete" }))];
};

const patchOf = (name: string, base: unknown, wanted: unknown): unknown => {
  if (wanted === undefined) return null;
  if (isFields(base) && isFields(wanted)) return strategicPatch(base, wanted);
  if (!isList(base) || !isList(wanted)) return wanted;
  const key = MERGE_KEYS[name]?.find((key) => [...base, ...wanted].every((item) => key in item));
  return key === undefined ? wanted : mergeItems(key, base, wanted);
};

/**
 * What must be laid over `base` by a strategic merge to get `wanted`: fields and items that it has not are deleted. Undefined
 * when they are equal.
 *
 * @see https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
 */
export const strategicPatch = (base: Fields, wanted: Fields): Fields | undefined => {
  const names = new Set([...Object.keys(wanted), ...Object.keys(base)]);
  const entries = [...names]
    .filter((name) => !isDeepStrictEqual(base[name], wanted[name]))
    .map((name) => [name, patchOf(name, base[name], wanted[name])] as const);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
};
