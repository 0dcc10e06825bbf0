import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { z } from "zod";
import { say } from "../console.ts";
import { requireFreePort } from "../embedded/cluster/host.ts";
import { binaryDirectory } from "../paths.ts";
import { UserError } from "../user-error.ts";
import { type Deployed, kubectlFlags } from "./deployed.ts";

/** The stack's output `trackingServer`. */
const serverSchema = z.object({ service: z.string(), port: z.number() });

/**
 * Forwards the MLflow server's port to this machine, prints where it is, and stays until it is ended.
 *
 * @param output the stack's output `trackingServer`
 * @throws UserError when the stack has no such server, the port is in use or the forwarding ends
 */
export const forwardTracking = async (stack: Deployed, output: unknown): Promise<void> => {
  const parsed = serverSchema.safeParse(output);
  if (!parsed.success) {
    throw new UserError(
      "this stack has no MLflow server; set tracking.enabled to true and run `make up`.",
    );
  }
  const { service, port } = parsed.data;
  await requireFreePort(port, "MLflow");
  const child = spawn(
    "kubectl",
    [...kubectlFlags(stack), ...["port-forward", `service/${service}`, `${port}:${port}`]],
    {
      env: { ...process.env, PATH: `${binaryDirectory}:${process.env["PATH"] ?? ""}` },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let ending = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      ending = true;
      child.kill();
    });
  }
  let last = "";
  createInterface({ input: child.stderr }).on("line", (line) => {
    last = line;
  });
  createInterface({ input: child.stdout }).once("line", () => {
    process.stdout.write(`http://127.0.0.1:${port}\n`);
    say("MLflow is there until Ctrl-C.");
  });
  const code = await new Promise<number | null>((done, failed) => {
    child.once("error", failed).once("close", done);
  });
  if (!ending) {
    throw new UserError(`the port-forward to MLflow ended (${last || `status ${code}`}).`);
  }
};
