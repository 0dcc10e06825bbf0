import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Deployed } from "./deployed.ts";

const directory = await mkdtemp(join(tmpdir(), "reach-service-"));
vi.stubEnv("XDG_STATE_HOME", directory);
vi.stubEnv("PATH", [directory, process.env["PATH"]].join(delimiter));
let packetFilter = false;
vi.doMock("../embedded/cluster/host.ts", async (original) => {
  const host = await original<typeof import("../embedded/cluster/host.ts")>();
  return { ...host, isPortOpen: async (port: number) => packetFilter || host.isPortOpen(port) };
});
const { PORT_FORWARD, reachService } = await import("./reach-service.ts");
const { runningPid, stopProcess } = await import("../embedded/cluster/processes.ts");

/** Answers as the service does, with the context of the cluster that the command line names. */
const FORWARD = `
const args = process.argv.slice(2);
const context = args[args.indexOf("--context") + 1];
require("node:http")
  .createServer((_, response) => response.end(context))
  .listen(Number(args.at(-1).split(":")[0]), "127.0.0.1");
`;
const EXISTING = { cluster: { kind: "existing", profile: "" } } as const;
const EMBEDDED = { cluster: { kind: "embedded", profile: "" } } as const;

const stackAt = (port: number, context: string): Deployed => ({
  ...{ url: `http://127.0.0.1:${port}`, namespace: "cats-dogs", kubeconfig: "/nowhere" },
  ...{ context, application: undefined },
});
const answerOf = async ({ url }: Deployed): Promise<string> => (await fetch(url)).text();

/** Somebody who answers on a port of 127.0.0.1 until the test ends. */
const stranger = async (): Promise<{ readonly port: number; readonly leave: () => void }> => {
  const server = createServer((_, response) => response.end("stranger")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const leave = (): void => {
    server.closeAllConnections();
    server.close();
  };
  onTestFinished(leave);
  return { port: (server.address() as AddressInfo).port, leave };
};
const freePort = async (): Promise<number> => {
  const { port, leave } = await stranger();
  leave();
  return port;
};

describe.skipIf(process.platform !== "linux")("reachService", () => {
  beforeAll(async () => {
    await writeFile(join(directory, "forward.cjs"), FORWARD);
    const kubectl = join(directory, "kubectl");
    const node = process.execPath;
    await writeFile(kubectl, `#!/bin/sh\nexec "${node}" "${directory}/forward.cjs" "$@"\n`);
    await chmod(kubectl, 0o755);
  });
  afterEach(async () => {
    packetFilter = false;
    await stopProcess(PORT_FORWARD);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(directory, { recursive: true });
  });

  it("forwards the port, and goes on with a forward that works", async () => {
    const lab = stackAt(await freePort(), "lab");
    await reachService(lab, EXISTING);
    const pid = await runningPid(PORT_FORWARD);
    expect(await answerOf(lab)).toBe("lab");
    await reachService(lab, EXISTING);
    expect(await runningPid(PORT_FORWARD)).toBe(pid);
  });

  it("does not take another stack's service for its own", async () => {
    const port = await freePort();
    await reachService(stackAt(port, "dev"), EXISTING);
    const lab = stackAt(port, "lab");
    await reachService(lab, EXISTING);
    expect(await answerOf(lab)).toBe("lab");
  });

  it("says who has the port, though it answers", async () => {
    const { port } = await stranger();
    await expect(reachService(stackAt(port, "lab"), EXISTING)).rejects.toThrow(
      new RegExp(`^Port ${port} \\(the service\\) is in use`),
    );
    expect(await runningPid(PORT_FORWARD)).toBeUndefined();
  });

  it("says that the packet filter leads the port elsewhere, as to the embedded cluster", async () => {
    packetFilter = true;
    const port = await freePort();
    await expect(reachService(stackAt(port, "lab"), EXISTING)).rejects.toThrow(
      new RegExp(`^Port ${port} \\(the service\\) leads to another cluster`),
    );
    expect(await runningPid(PORT_FORWARD)).toBeUndefined();
  });

  it("needs no forward where the cluster opens the port", async () => {
    const { port } = await stranger();
    await reachService(stackAt(port, "local"), EMBEDDED);
    expect(await runningPid(PORT_FORWARD)).toBeUndefined();
  });
});
