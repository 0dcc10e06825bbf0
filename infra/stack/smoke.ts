import { step } from "../console.ts";
import { binaryDirectory } from "../paths.ts";
import { runCommand, tryCommand } from "../run-command.ts";
import { UserError } from "../user-error.ts";

const JOB = "smoke-test";

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
export const runSmokeTest = async (kubeconfig: string, namespace: string): Promise<string> => {
  const env = { ...process.env, PATH: `${binaryDirectory}:${process.env["PATH"] ?? ""}` };
  const base = ["--kubeconfig", kubeconfig, "--namespace", namespace];
  const kubectl = (args: readonly string[], input?: string): Promise<string> =>
    runCommand("kubectl", [...base, ...args], { env, ...(input && { input }) });

  const job = asNew(JSON.parse(await kubectl(["get", "job", JOB, "--output", "json"])));
  await kubectl(["delete", "job", JOB, "--wait", "--cascade=foreground"]);
  await kubectl(["create", "--save-config=false", "--filename", "-"], JSON.stringify(job));
  const wait = (condition: string): Promise<boolean> =>
    tryCommand(
      "kubectl",
      [...base, "wait", `job/${JOB}`, `--for=condition=${condition}`, "--timeout=180s"],
      { env },
    ).then(({ code }) => code === 0);
  const passed = await step("smoke test in the cluster", () =>
    Promise.race([
      wait("Complete"),
      // A failed Job never completes: whichever condition comes first decides.
      wait("Failed").then((failed) => (failed ? false : wait("Complete"))),
    ]),
  );
  const logs = await kubectl(["logs", `job/${JOB}`, "--tail=50"]);
  if (!passed) throw new UserError(`the smoke test failed:\n${logs.trim()}`);
  return logs.trim();
};
