import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { EngineError, messageOf, UnreachableError } from "../../engine-error.ts";
import { type PropertyMap, revealMap } from "../../property-values.ts";

const expand = (path: string): string =>
  path.startsWith("~/") ? join(homedir(), path.slice(2)) : path;

const textOf = async (kubeconfig: string): Promise<string> => {
  // Content has lines; a path has none.
  if (kubeconfig.includes("\n") || kubeconfig.trimStart().startsWith("{")) return kubeconfig;
  const path = expand(kubeconfig);
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new UnreachableError(
      `the kubeconfig ${path} cannot be read (${messageOf(error)}); start the cluster, or set the kubeconfig to the file of the cluster you mean.`,
      { cause: error },
    );
  }
};

/**
 * Loads the kubeconfig that a Kubernetes provider names: its `kubeconfig` input (path or content), else the file that
 * `KUBECONFIG` or the home directory holds; its `context` and `cluster` inputs choose inside it.
 *
 * @throws EngineError when there is none, it cannot be parsed or lacks the context
 */
export const loadKubeConfig = async (providerInputs: PropertyMap): Promise<KubeConfig> => {
  const { kubeconfig, context, cluster } = revealMap(providerInputs);
  const wanted =
    typeof kubeconfig === "string" && kubeconfig !== ""
      ? kubeconfig
      : (process.env["KUBECONFIG"] ?? join(homedir(), ".kube", "config"));
  const text = await textOf(wanted);
  const config = new KubeConfig();
  try {
    config.loadFromString(text);
  } catch (error) {
    // The parser's message may quote the file, and with it a key.
    throw new EngineError("the kubeconfig is not valid YAML of kind Config.", { cause: error });
  }
  if (typeof context === "string") {
    if (config.getContextObject(context) === null) {
      const known = config.getContexts().map(({ name }) => name);
      throw new EngineError(
        `the kubeconfig has no context ${context}; take one of: ${known.join(", ") || "none is there"}.`,
      );
    }
    config.setCurrentContext(context);
  }
  if (typeof cluster === "string") {
    const current = config.getContextObject(config.getCurrentContext());
    if (current !== null) Object.assign(current, { cluster });
  }
  return config;
};
