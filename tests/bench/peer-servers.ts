import { execFile } from "node:child_process";
import { copyFile, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../../infra/embedded/engine/testing/free-port.ts";
import { benchCache, type ServerKind } from "./servers.ts";

const PEERS = resolve(import.meta.dirname, "peers");
const run = promisify(execFile);

const PEER_NAMES = { fastapi: "FastAPI", bentoml: "BentoML", mlserver: "MLServer" };

/** What a peer serves, and how it is set. */
export type PeerOptions = {
  /** Name of the contender. */
  readonly name: string;
  /** Model's directory. */
  readonly model: string;
  /** Further environment, as `peers/` has it. */
  readonly env?: Readonly<Record<string, string>>;
};

/** Installs a peer's packages into a virtual environment of its own in the user's cache, once. @returns its programs' directory */
const installPeer = async (peer: keyof typeof PEER_NAMES): Promise<string> => {
  const environment = join(benchCache(), peer);
  const wanted = join(PEERS, `${peer}-requirements.txt`);
  const installed = join(environment, "requirements.txt");
  const requirements = await readFile(wanted, "utf8");
  if ((await readFile(installed, "utf8").catch(() => "")) !== requirements) {
    process.stderr.write(`installing ${PEER_NAMES[peer]} and its engines (once) …\n`);
    await run("python3", ["-m", "venv", "--clear", environment]);
    const pip = join(environment, "bin/pip");
    await run(pip, ["install", "--quiet", "--disable-pip-version-check", "-r", wanted]);
    await copyFile(wanted, installed);
  }
  return join(environment, "bin");
};

/** Uvicorn has two workers: one thread of the engine for each. */
const TWO_WORKERS = { PEER_ENGINE_THREADS: "1" };

/** FastAPI's settings by hand: two threads for endpoints in each worker, and huge pages as the service has them. */
export const TUNED = { PEER_THREADS: "2", GLIBC_TUNABLES: "glibc.malloc.hugetlb=1" };

/** FastAPI and uvicorn with two workers. */
export const fastApi = async ({ name, model, env }: PeerOptions): Promise<ServerKind> => ({
  name,
  command: join(await installPeer("fastapi"), "uvicorn"),
  args: (port) => [
    ...["fastapi_app:app", "--host", "127.0.0.1", "--port", String(port)],
    ...["--workers", "2", "--log-level", "warning"],
  ],
  env: { MODEL_DIR: model, ...TWO_WORKERS, ...env },
  directory: PEERS,
});

/** BentoML as `bentoml serve` starts it: one worker, in which the engine has a thread for each core; or two with one each. */
export const bentoMl = async (
  { name, model, env }: PeerOptions,
  workers: 1 | 2,
): Promise<ServerKind> => ({
  name,
  command: join(await installPeer("bentoml"), "bentoml"),
  args: (port) => [
    ...["serve", "bentoml_app:Classifier", "--host", "127.0.0.1", "--port", String(port)],
  ],
  env: {
    ...{ MODEL_DIR: model, BENTOML_HOME: join(benchCache(), "bentoml-home") },
    // A measurement is nothing to tell its makers about.
    ...{ BENTOML_DO_NOT_TRACK: "True", PEER_WORKERS: String(workers) },
    ...(workers === 2 && TWO_WORKERS),
    ...env,
  },
  directory: PEERS,
});

/** MLServer as `mlserver start` starts it: one process for inference, in which the engine has a thread for each core. */
export const mlServer = async ({ name, model, env }: PeerOptions): Promise<ServerKind> => {
  const command = join(await installPeer("mlserver"), "mlserver");
  const [grpc, metrics] = [await freePort(), await freePort()];
  return {
    name,
    protocol: "v2",
    // Its port is a variable.
    command: "env",
    args: (port) => [`MLSERVER_HTTP_PORT=${port}`, command, "start", PEERS],
    env: {
      ...{ MODEL_DIR: model, MLSERVER_HOST: "127.0.0.1" },
      ...{ MLSERVER_GRPC_PORT: String(grpc), MLSERVER_METRICS_PORT: String(metrics) },
      // Its processes tell each other figures by files, by default beside its program.
      MLSERVER_METRICS_DIR: join(benchCache(), "mlserver-metrics"),
      ...env,
    },
    directory: PEERS,
  };
};
