import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { CoreV1Api } from "@kubernetes/client-node";
import { type ApiClient, ApiError, createApiClient } from "../providers/kubernetes/client.ts";
import { follow } from "../providers/kubernetes/follow.ts";
import { loadKubeConfig } from "../providers/kubernetes/kubeconfig.ts";
import type { KubernetesObject } from "../providers/kubernetes/types.ts";
import { freePort } from "./free-port.ts";

const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
const binaries = join(cache, "image-classification-platform", "bin");
const binary = (name: string): string => join(binaries, name);

/** Why no API server can be started here; undefined when one can. */
export const missingApiServer = (): string | undefined => {
  const missing = ["etcd", "kube-apiserver"].filter((name) => !existsSync(binary(name)));
  return missing.length === 0
    ? undefined
    : `${missing.join(" and ")} not built in ${binaries}; make up builds them`;
};

/** An object as the tests look at it: those of settings and secrets have data. */
type FoundObject = KubernetesObject & { readonly data?: Readonly<Record<string, string>> };

/** A real API server without any node, and no controller but one that lets deleted namespaces go. */
export type ApiServer = {
  readonly kubeconfig: string;
  readonly client: ApiClient;
  /** The object at a path of the API; undefined when there is none. */
  readonly find: (path: string) => Promise<FoundObject | undefined>;
  readonly stop: () => Promise<void>;
};

const stopProcess = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
};

const kubeconfigFor = (port: number, token: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    clusters: [
      {
        name: "test",
        cluster: { server: `https://127.0.0.1:${port}`, "insecure-skip-tls-verify": true },
      },
    ],
    users: [{ name: "admin", user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "admin" } }],
  });

const untilReady = async (
  client: ApiClient,
  processes: readonly ChildProcess[],
  log: string,
): Promise<void> => {
  for (;;) {
    try {
      await client.text({ method: "GET", path: "/readyz" });
      return;
    } catch (error) {
      if (processes.every(({ exitCode }) => exitCode === null)) {
        await wait(100);
        continue;
      }
      const text = await readFile(log, "utf8");
      throw new Error(`the API server did not start: ${text.slice(-2000)}`, { cause: error });
    }
  }
};

/** A deleted namespace waits for its controller; here nothing else would end it. */
const finalizeNamespaces = async (
  kubeconfig: string,
  client: ApiClient,
  signal: AbortSignal,
): Promise<void> => {
  const config = await loadKubeConfig({ kubeconfig });
  const api = config.makeApiClient(CoreV1Api);
  const all = { collection: "/api/v1/namespaces", query: {} };
  for await (const namespaces of follow(client, all, signal)) {
    for (const { metadata } of namespaces) {
      if (metadata.deletionTimestamp === undefined) continue;
      const { name } = metadata;
      const body = { metadata: { name }, spec: { finalizers: [] } };
      // Gone in the meantime is what was wanted.
      await api.replaceNamespaceFinalize({ name, body }).catch(() => undefined);
    }
  }
};

/** Starts etcd and kube-apiserver on free loopback ports, with an empty cluster. */
export const startApiServer = async (): Promise<ApiServer> => {
  const directory = await mkdtemp(join(tmpdir(), "engine-api-server-"));
  const [etcdPort, peerPort, port] = await Promise.all([freePort(), freePort(), freePort()]);
  const keys = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  const path = (name: string): string => join(directory, name);
  const token = randomUUID();
  await writeFile(path("sa.key"), keys.privateKey);
  await writeFile(path("sa.pub"), keys.publicKey);
  await writeFile(path("tokens.csv"), `${token},admin,admin,system:masters\n`);
  await writeFile(path("kubeconfig"), kubeconfigFor(port, token), { mode: 0o600 });

  const start = (name: string, flags: readonly string[]): ChildProcess =>
    spawn("/bin/sh", ["-c", `exec "$0" "$@" >>"${path("log")}" 2>&1`, binary(name), ...flags]);
  const etcd = start("etcd", [
    `--data-dir=${path("etcd")}`,
    `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
    `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
    `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
    "--unsafe-no-fsync",
  ]);
  const server = start("kube-apiserver", [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    `--secure-port=${port}`,
    "--bind-address=127.0.0.1",
    `--cert-dir=${path("certs")}`,
    `--token-auth-file=${path("tokens.csv")}`,
    "--authorization-mode=RBAC",
    // As every cluster has it: what a pod may do is the admission's to say.
    "--allow-privileged",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${path("sa.pub")}`,
    `--service-account-signing-key-file=${path("sa.key")}`,
    "--service-cluster-ip-range=10.0.0.0/24",
    "--disable-admission-plugins=ServiceAccount",
    "--endpoint-reconciler-type=none",
  ]);
  const stopping = new AbortController();
  const stop = async (): Promise<void> => {
    stopping.abort();
    await stopProcess(server);
    await stopProcess(etcd);
    await rm(directory, { recursive: true, force: true });
  };
  const kubeconfig = path("kubeconfig");
  const client = createApiClient(await loadKubeConfig({ kubeconfig }));
  try {
    await untilReady(client, [etcd, server], path("log"));
  } catch (error) {
    await stop();
    throw error;
  }
  finalizeNamespaces(kubeconfig, client, stopping.signal).catch(() => undefined);
  const find: ApiServer["find"] = async (path) => {
    try {
      return (await client.request({ method: "GET", path })) as FoundObject;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  };
  return { kubeconfig, client, find, stop };
};
