import { setTimeout as delay } from "node:timers/promises";
import { step } from "../console.ts";
import { binaryDirectory } from "../paths.ts";
import { runCommand } from "../run-command.ts";
import { UserError } from "../user-error.ts";
import { type Deployed, kubectlFlags } from "./deployed.ts";

const DEPLOYED = "smoke-test";
/** The Job of a run by hand. The deployment's own stays as it is: lost by an interruption, nothing would bring it back. */
const AGAIN = "smoke-test-again";

type JobStatus = {
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
};

type Job = {
  metadata: Record<string, unknown>;
  spec: Record<string, unknown> & { template: { metadata: { labels?: Record<string, string> } } };
};

/**
 * The Job under the name of a run by hand, without fields that the API server filled in, and without annotations: by those
 * Argo CD knows its own.
 */
const copyOf = (job: Job): unknown => {
  const { namespace, labels } = job.metadata;
  const { selector: _selector, template, ...spec } = job.spec;
  const own = ([key]: [string, unknown]): boolean => !/controller-uid|job-name/.test(key);
  const templateLabels = Object.fromEntries(
    Object.entries(template.metadata.labels ?? {}).filter(own),
  );
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: AGAIN, namespace, labels },
    spec: {
      ...spec,
      // After an interruption its pod would hold the model store's claim, which `make down` waits for.
      ttlSecondsAfterFinished: 60,
      template: { ...template, metadata: { ...template.metadata, labels: templateLabels } },
    },
  };
};

/** What makes the deployment's Job again: `make up` asks its state alone, and there the Job still is. */
const howToRestore = ({ application }: Deployed): string =>
  application
    ? "run `make sync`: it makes it again."
    : "the next `make up` that changes the service or trains again makes it: set another training.seed in the stack's file, for one.";

/**
 * Runs a copy of the smoke test's Job, inside the cluster, and returns what it printed.
 *
 * @throws UserError with the Job's output when a check failed
 */
export const runSmokeTest = async (stack: Deployed): Promise<string> => {
  const env = { ...process.env, PATH: `${binaryDirectory}:${process.env["PATH"] ?? ""}` };
  const base = kubectlFlags(stack);
  const kubectl = (args: readonly string[], input?: string): Promise<string> =>
    runCommand("kubectl", [...base, ...args], { env, ...(input && { input }) });

  const deployed = await kubectl(["get", "job", DEPLOYED, "--ignore-not-found", "--output=json"]);
  if (!deployed) throw new UserError(`the Job ${DEPLOYED} is gone; ${howToRestore(stack)}`);
  const job = JSON.stringify(copyOf(JSON.parse(deployed) as Job));
  const remove = (): Promise<string> =>
    kubectl(["delete", "job", AGAIN, "--ignore-not-found", "--wait", "--cascade=foreground"]);
  await remove();
  await kubectl(["create", "--save-config=false", "--filename", "-"], job);
  const hasEnded = async (): Promise<"Complete" | "Failed" | undefined> => {
    const live = JSON.parse(await kubectl(["get", "job", AGAIN, "--output=json"])) as JobStatus;
    const ended = live.status.conditions?.find(
      ({ type, status }) => status === "True" && (type === "Complete" || type === "Failed"),
    );
    return ended?.type as "Complete" | "Failed" | undefined;
  };
  const passed = await step("smoke test in the cluster", async () => {
    // The Job's own deadline ends it, so this loop ends too.
    for (;;) {
      const end = await hasEnded();
      if (end) return end === "Complete";
      await delay(500);
    }
  });
  const logs = await kubectl(["logs", `job/${AGAIN}`, "--tail=50"]);
  await remove();
  if (!passed) throw new UserError(`the smoke test failed:\n${logs.trim()}`);
  return logs.trim();
};
