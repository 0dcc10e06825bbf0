import { runMain, step } from "../console.ts";
import { applyMonitoringDefinitions } from "../embedded/monitoring-definitions.ts";
import { UserError } from "../user-error.ts";

/*
 * `node infra/cli/monitoring-definitions.ts` applies the kinds of prometheus-operator to the cluster that KUBECONFIG names.
 * The program's monitoring component runs it before it declares objects of those kinds.
 */
await runMain(async () => {
  const kubeconfig = process.env["KUBECONFIG"];
  if (!kubeconfig)
    throw new UserError("KUBECONFIG is not set; set it to the cluster's kubeconfig.");
  await step("applying the kinds of prometheus-operator", () =>
    applyMonitoringDefinitions(kubeconfig),
  );
});
