import { JSONPath } from "jsonpath-plus";
import { EngineError } from "../../engine-error.ts";
import { conditionsOf, type KubernetesObject } from "./types.ts";

/** A wish of the annotation `pulumi.com/waitFor`. */
export type WaitFor = {
  readonly text: string;
  readonly isMet: (object: KubernetesObject) => boolean;
};

const parseJsonPath = (expression: string): WaitFor => {
  // `{.status.phase}=Running`, or without a value: it only has to exist.
  const match =
    /^jsonpath=\{(.+)\}(?:=(.*))?$/.exec(expression) ??
    /^jsonpath=([^={}]+)(?:=(.*))?$/.exec(expression);
  const [, path, wanted] = match ?? [];
  if (path === undefined) return refuse(expression);
  const query = `$${path.startsWith(".") || path.startsWith("[") ? "" : "."}${path}`;
  return {
    text: expression,
    isMet: (object) => {
      const found = JSONPath({ path: query, json: object, eval: "safe", wrap: true }) as unknown[];
      if (wanted === undefined) return found.length > 0;
      return found.some((value) => String(value) === unquote(wanted));
    },
  };
};

const unquote = (text: string): string => /^(['"])(.*)\1$/.exec(text)?.[2] ?? text;

const parseCondition = (expression: string): WaitFor => {
  const [type, status = "True"] = expression.slice("condition=".length).split("=");
  if (type === undefined || type === "") return refuse(expression);
  const lower = (text: string): string => text.toLowerCase();
  return {
    text: expression,
    isMet: (object) =>
      conditionsOf(object).some(
        (each) => lower(each.type) === lower(type) && lower(each.status) === lower(unquote(status)),
      ),
  };
};

const refuse = (expression: string): never => {
  throw new EngineError(
    `pulumi.com/waitFor "${expression}" is neither jsonpath={.path}=value nor condition=Type[=Status]; correct the annotation.`,
  );
};

const parseOne = (expression: string): WaitFor => {
  if (expression.startsWith("jsonpath=")) return parseJsonPath(expression);
  if (expression.startsWith("condition=")) return parseCondition(expression);
  return refuse(expression);
};

/**
 * Reads the annotation `pulumi.com/waitFor` as @pulumi/kubernetes does: one expression, or a JSON list of which all must be met.
 *
 * @throws EngineError when it is neither
 */
export const parseWaitFor = (annotation: string): readonly WaitFor[] => {
  if (!annotation.trimStart().startsWith("[")) return [parseOne(annotation.trim())];
  let list: unknown;
  try {
    list = JSON.parse(annotation);
  } catch {
    return refuse(annotation);
  }
  if (!Array.isArray(list)) return refuse(annotation);
  return list.map((item: unknown) => parseOne(String(item)));
};
