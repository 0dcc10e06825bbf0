import { randomBytes } from "node:crypto";
import {
  isMap,
  mapValues,
  markSecretKeys,
  markSecretsLike,
  type PropertyMap,
  type PropertyValue,
  revealMap,
} from "../../property-values.ts";
import type { ResourceState } from "../../resource-state.ts";
import type { KubernetesObject, ObjectName } from "./types.ts";

const FIELD_MANAGER = "__fieldManager";

/** The SDK cannot have dashes in property names, the API has them. */
const renameKeys = (value: PropertyValue, from: string, to: string): PropertyValue => {
  if (Array.isArray(value)) return value.map((item) => renameKeys(item, from, to));
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key.startsWith(from)
        ? `${to}${key.slice(from.length)}`.replaceAll(from.at(-1) ?? "", to.at(-1) ?? "")
        : key,
      renameKeys(item, from, to),
    ]),
  );
};

const withoutNulls = (value: PropertyValue): PropertyValue => {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isMap(value)) return value;
  return mapValues(
    Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null)),
    withoutNulls,
  );
};

/** The object that the API takes: secrets opened, nulls left out, dashes back in names. */
export const toObject = (inputs: PropertyMap): KubernetesObject =>
  withoutNulls(
    renameKeys(revealMap(inputs), "x_kubernetes_", "x-kubernetes-"),
  ) as unknown as KubernetesObject;

/** What the inputs name, with the provider's namespace where they name none. */
export const nameIn = (inputs: PropertyMap, providerInputs: PropertyMap): ObjectName => {
  const { apiVersion, kind, metadata } = toObject(inputs);
  const fallback = providerInputs["namespace"];
  const namespace = metadata.namespace ?? (typeof fallback === "string" ? fallback : undefined);
  return { apiVersion, kind, name: metadata.name, namespace };
};

const groupOf = (apiVersion: string): string =>
  apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "";

/** Whether both are the same object; another version of the same group is no difference. */
export const sameName = (left: ObjectName, right: ObjectName): boolean =>
  left.kind === right.kind &&
  groupOf(left.apiVersion) === groupOf(right.apiVersion) &&
  left.name === right.name &&
  left.namespace === right.namespace;

const isSecretKind = (inputs: PropertyMap): boolean =>
  inputs["apiVersion"] === "v1" && inputs["kind"] === "Secret";

/** Marks the content of a Secret as secret, whether the program did or not. */
export const hideData = (inputs: PropertyMap, map: PropertyMap): PropertyMap =>
  isSecretKind(inputs) ? markSecretKeys(map, ["data", "stringData"]) : map;

/** What the state keeps of a live object, in the form that @pulumi/kubernetes keeps it. */
export const outputsOf = (
  live: KubernetesObject,
  inputs: PropertyMap,
  manager: string,
): PropertyMap => {
  const { managedFields: _, ...metadata } = live.metadata;
  const object = renameKeys(
    { ...live, metadata } as unknown as PropertyMap,
    "x-kubernetes-",
    "x_kubernetes_",
  ) as PropertyMap;
  return {
    ...hideData(inputs, markSecretsLike(object, inputs) as PropertyMap),
    __inputs: inputs,
    __initialApiVersion: live.apiVersion,
    [FIELD_MANAGER]: manager,
  };
};

/** The field manager of an object: of the annotation, else the one of before, else a new one. */
export const managerOf = (inputs: PropertyMap, old: ResourceState | undefined): string => {
  const wished = toObject(inputs).metadata.annotations?.["pulumi.com/patchFieldManager"];
  const kept = old?.outputs?.[FIELD_MANAGER];
  if (wished !== undefined) return wished;
  return typeof kept === "string" ? kept : `pulumi-kubernetes-${randomBytes(4).toString("hex")}`;
};

/** The id that @pulumi/kubernetes gives. */
export const idOf = ({ metadata }: KubernetesObject): string =>
  metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;

/** The object without what a dry run or another writer changes although no field of ours is different. */
export const comparable = (object: KubernetesObject): PropertyMap => {
  const { managedFields: _, resourceVersion: __, generation: ___, ...metadata } = object.metadata;
  const { status: ____, ...rest } = object;
  return { ...rest, metadata } as unknown as PropertyMap;
};
