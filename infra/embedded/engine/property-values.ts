import { isDeepStrictEqual } from "node:util";

/** A Pulumi property value in its wire form: JSON, with secrets as signed objects and unknowns as a sentinel string. */
export type PropertyValue =
  | null
  | boolean
  | number
  | string
  | readonly PropertyValue[]
  | PropertyMap;
export type PropertyMap = { readonly [key: string]: PropertyValue };

/** The key that marks an object of the Pulumi SDK as something else than a plain object. */
export const SIGNATURE = "4dabf18193072939515e22adb298388d";
/** The value of {@link SIGNATURE} that marks a secret. */
export const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";
/** What the SDK sends in a preview for a value that only an update will know. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Whether the value is a plain or signed object, not a list. */
export const isMap = (value: PropertyValue | undefined): value is PropertyMap =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isList = (value: PropertyValue | undefined): value is readonly PropertyValue[] =>
  Array.isArray(value);

/** Whether the value itself is a secret (not: contains one). */
export const isSecret = (value: PropertyValue | undefined): value is PropertyMap =>
  isMap(value) && value[SIGNATURE] === SECRET_SIGNATURE;

/** Wraps a value as a secret; a secret stays as it is. */
export const secret = (value: PropertyValue): PropertyMap =>
  isSecret(value) ? value : { [SIGNATURE]: SECRET_SIGNATURE, value };

/** Rebuilds a map with each value replaced. */
export const mapValues = (
  map: PropertyMap,
  replace: (value: PropertyValue, key: string) => PropertyValue,
): PropertyMap =>
  Object.fromEntries(Object.entries(map).map(([key, value]) => [key, replace(value, key)]));

const replaceSecrets = (
  value: PropertyValue,
  replace: (content: PropertyValue) => PropertyValue,
): PropertyValue => {
  if (isSecret(value)) return replace(value["value"] ?? null);
  if (isList(value)) return value.map((item) => replaceSecrets(item, replace));
  if (isMap(value)) return mapValues(value, (item) => replaceSecrets(item, replace));
  return value;
};

/** The value with every secret opened, for the API that needs it. Never for display or state. */
export const reveal = (value: PropertyValue): PropertyValue => replaceSecrets(value, reveal);

/** {@link reveal} for a map. */
export const revealMap = (map: PropertyMap): PropertyMap => mapValues(map, reveal);

const nameUnknowns = (value: PropertyValue): PropertyValue => {
  if (value === UNKNOWN) return "[unknown]";
  if (isList(value)) return value.map(nameUnknowns);
  return isMap(value) ? mapValues(value, nameUnknowns) : value;
};

/** The value with every secret replaced by `[secret]` and every unknown by `[unknown]`, for display. */
export const redact = (value: PropertyValue): PropertyValue =>
  nameUnknowns(replaceSecrets(value, () => "[secret]"));

const some = (value: PropertyValue, test: (value: PropertyValue) => boolean): boolean =>
  test(value) ||
  (isList(value) && value.some((item) => some(item, test))) ||
  (isMap(value) && Object.values(value).some((item) => some(item, test)));

/** Whether the value is or contains something that only an update will know. */
export const containsUnknown = (value: PropertyValue): boolean =>
  some(value, (item) => item === UNKNOWN);

/** Whether the value is or contains a secret. */
export const containsSecret = (value: PropertyValue): boolean => some(value, isSecret);

/** Whether the value contains an asset, an archive or a resource reference: what this engine does not carry. */
export const containsUnsupported = (value: PropertyValue): boolean =>
  some(
    value,
    (item) => isMap(item) && item[SIGNATURE] !== undefined && item[SIGNATURE] !== SECRET_SIGNATURE,
  );

/** Equality of content: neither secrecy nor the order of keys counts. */
export const sameValue = (left: PropertyValue, right: PropertyValue): boolean =>
  isDeepStrictEqual(reveal(left), reveal(right));

/** Marks in `value` as secret whatever is secret at the same place in `model`. */
export const markSecretsLike = (value: PropertyValue, model: PropertyValue): PropertyValue => {
  if (isSecret(model)) return secret(value);
  if (isList(value) && isList(model)) {
    return value.map((item, index) => markSecretsLike(item, model[index] ?? null));
  }
  if (isMap(value) && isMap(model) && !isSecret(value)) {
    return mapValues(value, (item, key) => markSecretsLike(item, model[key] ?? null));
  }
  return value;
};

/** Marks the named top-level properties as secret. */
export const markSecretKeys = (map: PropertyMap, keys: readonly string[]): PropertyMap =>
  mapValues(map, (value, key) => (keys.includes(key) ? secret(value) : value));

const textsIn = (value: PropertyValue): readonly string[] => {
  if (typeof value === "string") return value.split("\n");
  if (isList(value)) return value.flatMap(textsIn);
  return isMap(value) ? Object.values(value).flatMap(textsIn) : [];
};

const secretTextsIn = (value: PropertyValue): readonly string[] => {
  if (isSecret(value)) return textsIn(reveal(value));
  if (isList(value)) return value.flatMap(secretTextsIn);
  return isMap(value) ? Object.values(value).flatMap(secretTextsIn) : [];
};

/** Makes a function that hides, in a text such as an error message, every secret string of the given value. */
export const secretHider = (value: PropertyValue): ((text: string) => string) => {
  const texts = secretTextsIn(value)
    .filter((text) => text.trim() !== "")
    // The longest first, else a short secret inside a long one would break it apart and leave its rest.
    .sort((left, right) => right.length - left.length);
  return (shown) => texts.reduce((text, hidden) => text.replaceAll(hidden, "[secret]"), shown);
};
