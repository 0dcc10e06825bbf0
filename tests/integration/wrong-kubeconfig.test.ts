import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";

const repository = join(import.meta.dirname, "..", "..");

/** A kubeconfig with one context, `lab`, of a cluster that nobody runs. */
const NOBODY = stringify({
  apiVersion: "v1",
  kind: "Config",
  clusters: [{ name: "lab", cluster: { server: "https://127.0.0.1:1" } }],
  users: [{ name: "lab", user: { token: "none" } }],
  contexts: [{ name: "lab", context: { cluster: "lab", user: "lab" } }],
});

/*
 * `make up` on a cluster of one's own whose kubeconfig is not right: one line says what is wrong, and nothing is changed.
 */
describe("a wrong kubeconfig", () => {
  const stack = `wrong-kubeconfig-${process.pid}`;
  const stackFile = join(repository, `Pulumi.${stack}.yaml`);
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "wrong-kubeconfig-"));
  });
  afterEach(() => {
    rmSync(stackFile, { force: true });
    rmSync(directory, { recursive: true });
  });

  it.each([
    ["that is not there", undefined, "lab", /kubeconfig: \S+ cannot be read; give the path/],
    ["that is no kubeconfig", "a: [b", "lab", /the kubeconfig is not valid YAML of kind Config/],
    [
      "without the context",
      NOBODY,
      "office",
      /the kubeconfig has no context office; take one of: lab\.$/,
    ],
    [
      "of a cluster that does not answer",
      NOBODY,
      "lab",
      /the Kubernetes API server at https:\/\/127\.0\.0\.1:1 does not answer \(.*\); check that the cluster runs and that the kubeconfig is its own\.$/,
    ],
  ])("%s", (_, content, context, line) => {
    const kubeconfig = join(directory, "kubeconfig");
    if (content !== undefined) writeFileSync(kubeconfig, content);
    const cluster = {
      ...{ kind: "existing", kubeconfig, context },
      registry: "registry.example.org/team",
    };
    const off = { enabled: false };
    const settings = { cluster, monitoring: off, tracking: off };
    const config = Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [
        `image-classification-platform:${key}`,
        value,
      ]),
    );
    writeFileSync(stackFile, stringify({ config }));
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["infra/cli/platform.ts", "up"],
      {
        cwd: repository,
        encoding: "utf8",
        env: {
          ...process.env,
          STACK: stack,
          PULUMI_ENGINE: "embedded",
          XDG_STATE_HOME: directory,
          NO_COLOR: "1",
        },
      },
    );
    expect(status).not.toBe(0);
    const errors = stdout.split("\n").filter((text) => text.trim().startsWith("error: "));
    expect(errors, stdout + stderr).toEqual([expect.stringMatching(line)]);
    expect(stdout).not.toMatch(/kubernetes:\S+ \S+ created/);
  });
});
