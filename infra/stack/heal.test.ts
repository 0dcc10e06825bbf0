import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Selection } from "./selection.ts";

const directory = await mkdtemp(join(tmpdir(), "heal-"));
vi.stubEnv("XDG_STATE_HOME", directory);
vi.stubEnv("PATH", [directory, process.env["PATH"]].join(delimiter));
vi.stubEnv("KUBECONFIG", "/home/user/.kube/config");
const startCluster = vi.fn(async () => "");
const findDeployed = vi.fn();
vi.doMock("../embedded/cluster/start.ts", () => ({ startCluster }));
vi.doMock("../embedded/cluster/host.ts", () => ({
  requireRoot: () => undefined,
  requireFreePort: async () => undefined,
}));
vi.doMock("./deployed.ts", () => ({ findDeployed }));
const { healCluster } = await import("./heal.ts");
const { places } = await import("../embedded/cluster/layout.ts");

const selection = (kind: Selection["cluster"]["kind"]): Selection => ({
  ...{ stack: "trial", stackReason: "", engine: "embedded", engineReason: "", cli: ["pulumi"] },
  ...{ cluster: { kind, profile: "trial" }, servicePort: 8080, policies: true, argoCd: true },
});

describe.skipIf(process.platform === "win32")("healCluster", () => {
  beforeEach(async () => {
    startCluster.mockClear();
    findDeployed.mockReset();
    await rm(places.home, { recursive: true, force: true });
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(directory, { recursive: true });
  });

  it("starts an embedded cluster that was made before", async () => {
    await mkdir(dirname(places.adminKubeconfig), { recursive: true });
    await writeFile(places.adminKubeconfig, "");
    await healCluster(selection("embedded"));
    expect(startCluster).toHaveBeenCalledOnce();
  });

  it("starts one that the state knows and that is gone altogether", async () => {
    findDeployed.mockResolvedValue({ url: "http://127.0.0.1:8080" });
    await healCluster(selection("embedded"));
    expect(startCluster).toHaveBeenCalledOnce();
  });

  it("leaves the first one to the program", async () => {
    await healCluster(selection("embedded"));
    expect(findDeployed).toHaveBeenCalledOnce();
    expect(startCluster).not.toHaveBeenCalled();
  });

  it("starts a stopped Minikube with its own kubeconfig, not the user's", async () => {
    const minikube = join(directory, "minikube");
    await writeFile(
      minikube,
      `#!/bin/sh\necho "$1 $KUBECONFIG" >> "${directory}/calls"\n[ "$1" = start ] || echo Stopped\n`,
    );
    await chmod(minikube, 0o755);
    await healCluster(selection("minikube"));
    const own = join(directory, "image-classification-platform", "minikube", "trial.kubeconfig");
    const calls = await readFile(join(directory, "calls"), "utf8");
    expect(calls.trim().split("\n")).toEqual([`status ${own}`, `start ${own}`]);
  });
});
