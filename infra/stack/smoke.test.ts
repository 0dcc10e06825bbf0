import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";

const directory = await mkdtemp(join(tmpdir(), "smoke-"));
vi.stubEnv("XDG_CACHE_HOME", directory);
vi.stubEnv("PATH", [directory, process.env["PATH"]].join(delimiter));
const { runSmokeTest } = await import("./smoke.ts");

const path = (name: string): string => join(directory, name);
const stackOf = (application?: string) => ({
  ...{ url: "http://127.0.0.1:8080", namespace: "cats-dogs", kubeconfig: "/nowhere" },
  ...{ context: undefined, application },
});

/** As the API server gives it. */
const DEPLOYED = {
  metadata: {
    ...{ name: "smoke-test", namespace: "cats-dogs", uid: "1", resourceVersion: "7" },
    labels: { "app.kubernetes.io/name": "smoke-test" },
    annotations: { "argocd.argoproj.io/hook": "PostSync" },
  },
  spec: {
    backoffLimit: 0,
    selector: { matchLabels: { "batch.kubernetes.io/controller-uid": "1" } },
    template: {
      metadata: {
        labels: {
          "app.kubernetes.io/name": "smoke-test",
          "batch.kubernetes.io/controller-uid": "1",
          "batch.kubernetes.io/job-name": "smoke-test",
        },
      },
      spec: { containers: [{ name: "smoke-test" }] },
    },
  },
  status: { succeeded: 1, conditions: [{ type: "Complete", status: "True" }] },
};

/** @param end the condition with which a Job ends that was created */
const cluster = async (deployed: object | undefined, end = "Complete"): Promise<void> => {
  await writeFile(path("deployed.json"), deployed ? JSON.stringify(deployed) : "");
  const status = { status: { conditions: [{ type: end, status: "True" }] } };
  await writeFile(path("status.json"), JSON.stringify(status));
  await writeFile(
    path("kubectl"),
    `#!/bin/sh
echo "$*" >> "${path("calls")}"
case "$*" in
  *"get job smoke-test-again "*) cat "${path("status.json")}" ;;
  *"get job smoke-test "*) cat "${path("deployed.json")}" ;;
  *create*) cat > "${path("created.json")}" ;;
  *logs*) echo "cat 0.9, dog 0.8" ;;
esac
`,
  );
  await chmod(path("kubectl"), 0o755);
};
const calls = async (): Promise<string> => readFile(path("calls"), "utf8");

describe.skipIf(process.platform === "win32")("runSmokeTest", () => {
  beforeEach(() => rm(path("calls"), { force: true }));
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(directory, { recursive: true });
  });

  it("runs a copy, so that no interruption can lose the deployment's Job", async () => {
    await cluster(DEPLOYED);
    await expect(runSmokeTest(stackOf())).resolves.toBe("cat 0.9, dog 0.8");
    expect(await calls()).not.toMatch(/delete job smoke-test /);
    expect(JSON.parse(await readFile(path("created.json"), "utf8"))).toEqual({
      ...{ apiVersion: "batch/v1", kind: "Job" },
      metadata: {
        ...{ name: "smoke-test-again", namespace: "cats-dogs" },
        labels: { "app.kubernetes.io/name": "smoke-test" },
      },
      spec: {
        ...{ backoffLimit: 0, ttlSecondsAfterFinished: 60 },
        template: {
          metadata: { labels: { "app.kubernetes.io/name": "smoke-test" } },
          spec: { containers: [{ name: "smoke-test" }] },
        },
      },
    });
  });

  it.each(["Complete", "Failed"])("leaves no copy behind that is %s", async (end) => {
    await cluster(DEPLOYED, end);
    await runSmokeTest(stackOf()).catch(() => undefined);
    expect((await calls()).trim().split("\n").at(-1)).toContain("delete job smoke-test-again ");
  });

  it("fails with what the Job printed", async () => {
    await cluster(DEPLOYED, "Failed");
    await expect(runSmokeTest(stackOf())).rejects.toThrow("the smoke test failed:\ncat 0.9");
  });

  it("says what makes a Job again that is gone", async () => {
    await cluster(undefined);
    await expect(runSmokeTest(stackOf("argocd/cats-dogs"))).rejects.toThrow(
      "the Job smoke-test is gone; run `make sync`: it makes it again.",
    );
    await expect(runSmokeTest(stackOf())).rejects.toThrow(
      /^the Job smoke-test is gone; the next `make up` that .* another training\.seed/,
    );
  });
});
