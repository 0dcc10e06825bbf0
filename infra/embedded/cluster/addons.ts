import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../user-error.ts";
import { places } from "./layout.ts";
import { kubectl } from "./node-processes.ts";

const DIRECTORY = join(import.meta.dirname, "addons");

const apply = async (file: string): Promise<void> => {
  const manifest = (await readFile(join(DIRECTORY, file), "utf8")).replaceAll(
    "@volumes@",
    places.volumes,
  );
  const result = await kubectl(
    ["apply", "--server-side", "--force-conflicts", "--field-manager=embedded-cluster", "-f", "-"],
    manifest,
  );
  if (result.code !== 0) throw new UserError(`${file} cannot be applied: ${result.stderr.trim()}`);
};

const rollout = async (namespace: string, name: string): Promise<void> => {
  const result = await kubectl([
    ...["rollout", "status", `deployment/${name}`, "-n", namespace],
    ...["--timeout=120s", "--request-timeout=150s"],
  ]);
  if (result.code !== 0) {
    const pods = await kubectl(["describe", "pods", "-n", namespace]);
    throw new UserError(
      `${name} did not become ready: ${result.stderr.trim()}\n${pods.stdout.trim().split("\n").slice(-12).join("\n")}`,
    );
  }
};

/** What a cluster has besides its processes, as Minikube brings it: DNS, volumes, access to logs. */
export const ensureAddons = async (): Promise<void> => {
  for (const file of (await readdir(DIRECTORY)).sort()) await apply(file);
  await Promise.all([
    rollout("kube-system", "coredns"),
    rollout("local-path-storage", "local-path-provisioner"),
  ]);
};
