import { paint } from "../console.ts";
import { nodeProcesses, registryProcess } from "../embedded/cluster/node-processes.ts";
import { runningPid } from "../embedded/cluster/processes.ts";
import { binaryDirectory } from "../paths.ts";
import { tryCommand } from "../run-command.ts";
import { outputsOf } from "./operations.ts";
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
  const outputs = await outputsOf(selection);
  const { kubeconfig, namespace, url } = outputs;
  if (typeof kubeconfig !== "string" || typeof namespace !== "string") {
    return [`stack ${selection.stack} is not deployed; \`make up\` deploys it.`];
  }
  const pods = await tryCommand(
    "kubectl",
    [
      "--kubeconfig",
      kubeconfig,
      "--request-timeout=5s",
      "-n",
      namespace,
      "get",
      "pods,jobs,pvc",
      "-o",
      "wide",
    ],
    { env: { ...process.env, PATH: `${binaryDirectory}:${process.env["PATH"] ?? ""}` } },
  );
  return [
    ...(selection.cluster.kind === "embedded" ? ["processes", ...(await processTable())] : []),
    `namespace ${namespace}`,
    ...(pods.stdout || pods.stderr)
      .trimEnd()
      .split("\n")
      .map((line) => `  ${line}`),
    ...(typeof url === "string" ? [`service ${url}`, `  ${await health(url)}`] : []),
  ];
};
