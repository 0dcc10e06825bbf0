import { paint } from "../console.ts";
import { nodeProcesses, registryProcess } from "../embedded/cluster/node-processes.ts";
import { runningPid } from "../embedded/cluster/processes.ts";
import { binaryDirectory } from "../paths.ts";
import { tryCommand } from "../run-command.ts";
import { findDeployed, kubectlFlags } from "./deployed.ts";
import type { Selection } from "./selection.ts";

const processTable = async (): Promise<string[]> => {
  const lines: string[] = [];
  for (const { name } of [registryProcess, ...nodeProcesses]) {
    const pid = await runningPid(name);
    lines.push(`  ${name.padEnd(26)}${pid ? `process ${pid}` : paint("red", "not running")}`);
  }
  return lines;
};

const health = async (url: string): Promise<string> => {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(3_000) });
    return `${response.status} ${(await response.text()).trim()}`;
  } catch {
    return paint("red", "does not answer");
  }
};

/** What runs, in lines for people: the node's processes, the pods, the service's own word. */
export const describeStatus = async (selection: Selection): Promise<string[]> => {
  const stack = await findDeployed(selection);
  if (stack === undefined) {
    return [`stack ${selection.stack} is not deployed; \`make up\` deploys it.`];
  }
  const { namespace, url, application } = stack;
  const kubectl = async (...args: string[]): Promise<string[]> => {
    const { stdout, stderr } = await tryCommand(
      "kubectl",
      [...kubectlFlags(stack), "--request-timeout=5s", "--output", "wide", "get", ...args],
      { env: { ...process.env, PATH: `${binaryDirectory}:${process.env["PATH"] ?? ""}` } },
    );
    return (stdout || stderr)
      .trimEnd()
      .split("\n")
      .map((line) => `  ${line}`);
  };
  const [argoCd, name] = application?.split("/") ?? [];
  return [
    ...(selection.cluster.kind === "embedded" ? ["processes", ...(await processTable())] : []),
    `namespace ${namespace}`,
    ...(await kubectl("pods,jobs,pvc")),
    ...(argoCd && name
      ? ["Argo CD", ...(await kubectl("applications.argoproj.io", name, "--namespace", argoCd))]
      : []),
    `service ${url}`,
    `  ${await health(url)}`,
  ];
};
