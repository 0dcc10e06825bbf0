import { setTimeout as delay } from "node:timers/promises";
import { step } from "../console.ts";
import { binaryDirectory } from "../paths.ts";
import { runCommand } from "../run-command.ts";
import { UserError } from "../user-error.ts";
import { type Deployed, kubectlFlags } from "./deployed.ts";

const JOB = "smoke-test";

type JobStatus = {
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
};

/** Fields that the API server filled in: a copy of the Job must not carry them. */
const asNew = (job: {
  metadata: Record<string, unknown>;
  spec: Record<string, unknown> & { template: { metadata: { labels?: Record<string, string> } } };
}): unknown => {
  const { name, namespace, labels, annotations } = job.metadata;
  const { selector: _selector, template, ...spec } = job.spec;
  const own = ([key]: [string, unknown]): boolean => !/controller-uid|job-name/.test(key);
  const templateLabels = Object.fromEntries(
    Object.entries(template.metadata.labels ?? {}).filter(own),
  );
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, namespace, labels, annotations },
    spec: {
      ...spec,
      template: { ...template, metadata: { ...template.metadata, labels: templateLabels } },
    },
  };
};

/**
 * Runs the smoke test's Job again, inside the cluster, and returns what it printed.
 *
 * @throws UserError with the Job's output when a check failed
 */
export const runSmokeTest = async (stack: Deployed): Promise<string> => {
  const env = { ...process.env, PATH: `${binaryDirectory}:${process.env["PATH"] ?? ""}` };
  const base = kubectlFlags(stack);
  const kubectl = (args: readonly string[], input?: string): Promise<string> =>
    runCommand("kubectl", [...base, ...args], { env, ...(input && { input }) });

  const job = asNew(JSON.parse(await kubectl(["get", "job", JOB, "--output", "json"])));
  await kubectl(["delete", "job", JOB, "--wait", "--cascade=foreground"]);
  await kubectl(["create", "--save-config=false", "--filename", "-"], JSON.stringify(job));
  const hasEnded = async (): Promise<"Complete" | "Failed" | undefined> => {
    const live = JSON.parse(await kubectl(["get", "job", JOB, "--output", "json"])) as JobStatus;
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
  const logs = await kubectl(["logs", `job/${JOB}`, "--tail=50"]);
  if (!passed) throw new UserError(`the smoke test failed:\n${logs.trim()}`);
  return logs.trim();
};
