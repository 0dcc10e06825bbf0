import { join } from "node:path";
import { z } from "zod";
import { binaryDirectory } from "../paths.ts";
import { runCommand } from "../run-command.ts";

const MODULE = "github.com/prometheus-operator/prometheus-operator";

/** The kinds that this platform uses; the operator leaves out what it does for the others. */
const KINDS = [
  "alertmanagerconfigs",
  "alertmanagers",
  "podmonitors",
  "probes",
  "prometheuses",
  "prometheusrules",
  "scrapeconfigs",
  "servicemonitors",
] as const;

const moduleSchema = z.object({ Dir: z.string() });

/**
 * Applies upstream's definitions of the monitoring kinds, which the operator's pinned Go module carries. They are never
 * deleted, as with Helm: deleting a definition deletes every object of its kind.
 *
 * @param kubeconfig path of the kubeconfig of the cluster
 */
export const applyMonitoringDefinitions = async (kubeconfig: string): Promise<void> => {
  const cwd = join(import.meta.dirname, "tools", "prometheus-operator");
  const found = await runCommand("go", ["mod", "download", "-json", MODULE], { cwd });
  const directory = join(
    moduleSchema.parse(JSON.parse(found)).Dir,
    "example",
    "prometheus-operator-crd",
  );
  const files = KINDS.map((kind) => join(directory, `monitoring.coreos.com_${kind}.yaml`));
  const kubectl = join(binaryDirectory, "kubectl");
  const access = ["--kubeconfig", kubeconfig, "--request-timeout=60s"];
  await runCommand(kubectl, [
    ...[...access, "apply", "--server-side", "--force-conflicts"],
    ...[
      "--field-manager=image-classification-platform",
      ...files.map((file) => `--filename=${file}`),
    ],
  ]);
  await runCommand(kubectl, [
    ...[...access, "wait", "--for=condition=Established", "--timeout=60s"],
    ...files.map((file) => `--filename=${file}`),
  ]);
};
