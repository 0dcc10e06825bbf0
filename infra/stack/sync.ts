import { setTimeout as delay } from "node:timers/promises";
import { step } from "../console.ts";
import { binaryDirectory } from "../paths.ts";
import { runCommand, tryCommand } from "../run-command.ts";
import { UserError } from "../user-error.ts";
import { type Deployed, kubectlFlags } from "./deployed.ts";
import { type Application, describeUnfinished, judge } from "./sync-verdict.ts";

/** Time for everything. A pod that does not start is refused after a minute or so, on a slow machine after several. */
const TIMEOUT_MS = 300_000;
const POLL_MS = 500;
const LOG_LINES = 10;
const SMOKE_TEST = "smoke-test";

/** Where an Application is. */
export type SyncTarget = Deployed & {
  /** Its namespace and name: `argocd/cats-dogs`. */
  readonly application: string;
};

/** Time that an API server may take to come back. */
const PATIENCE_MS = 10_000;

/** Tries again while the cluster does not answer: a restarted API server is away for seconds. */
const patiently = async <T>(ask: () => Promise<T>): Promise<T> => {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      // An answer, and it will not change.
      if (/\((NotFound|Forbidden|Unauthorized)\)/.test(String(error))) throw error;
      if (Date.now() > until) {
        throw new UserError(
          `the cluster has not answered for ${PATIENCE_MS / 1000} s (${lastLineOf(error)}); run \`make up\`: it starts what has stopped, and waits for the sync.`,
          { cause: error },
        );
      }
      await delay(POLL_MS);
    }
  }
};

const lastLineOf = (error: unknown): string =>
  String(error instanceof Error ? error.message : error)
    .trim()
    .split("\n")
    .at(-1)
    ?.trim() ?? "";

const client = (target: SyncTarget) => {
  const { application, namespace } = target;
  const env = { ...process.env, PATH: `${binaryDirectory}:${process.env["PATH"] ?? ""}` };
  const [argoCd = "", name = ""] = application.split("/");
  // The last --namespace is the one that counts.
  const at = [...kubectlFlags(target), "--request-timeout=15s", "--namespace"];
  const own = ["applications.argoproj.io", name];
  const patch = (value: object): Promise<string> =>
    patiently(() =>
      runCommand(
        "kubectl",
        [...at, argoCd, "patch", ...own, "--type=merge", "--patch", JSON.stringify(value)],
        { env },
      ),
    );
  return {
    read: async () =>
      JSON.parse(
        await patiently(() =>
          runCommand("kubectl", [...at, argoCd, "get", ...own, "--output=json"], { env }),
        ),
      ) as Application & { metadata: { annotations?: Record<string, string> } },
    patch,
    /** The last lines of pods, of which there may be none. */
    logs: async (...pods: string[]): Promise<string> => {
      const logs = ["logs", "--tail=300", ...pods];
      const { stdout } = await tryCommand("kubectl", [...at, namespace, ...logs], { env });
      // What each probe was answered says nothing; what the service itself says is among it.
      const lines = stdout.split("\n").filter((line) => line && !line.includes('"msg":"request"'));
      return lines.slice(-LOG_LINES).join("\n  ");
    },
  };
};

type Client = ReturnType<typeof client>;

const REFRESH = "argocd.argoproj.io/refresh";

/** Lets Argo CD look at Git now. The annotation goes when it has looked. */
const refresh = async ({ read, patch }: Client, until: number): Promise<void> => {
  await patch({ metadata: { annotations: { [REFRESH]: "normal" } } });
  while ((await read()).metadata.annotations?.[REFRESH] && Date.now() < until) await delay(POLL_MS);
};

const requestSync = async ({ read, patch }: Client): Promise<void> => {
  const revision = (await read()).status?.sync?.revision;
  await patch({
    operation: {
      initiatedBy: { username: "make sync" },
      sync: { ...(revision && { revision }), prune: true, syncOptions: ["ServerSideApply=true"] },
    },
  });
};

/** Ends a sync of an older commit, which would be in the way until its last try has failed. */
const endSync = ({ patch }: Client): Promise<string> =>
  patch({ status: { operationState: { phase: "Terminating" } } });

const explain = async (
  { logs }: Client,
  reasons: readonly string[],
): Promise<readonly string[]> => {
  const hook = reasons.some((reason) => reason.startsWith(`Job ${SMOKE_TEST}`));
  const text = hook
    ? await logs(`job/${SMOKE_TEST}`)
    : await logs("--selector=app.kubernetes.io/name=api", "--prefix");
  return [
    ...reasons,
    ...(text ? [hook ? "log of the smoke test:" : "log of the service:", text] : []),
  ];
};

/**
 * Waits until the newest commit is deployed, healthy and passed by the smoke test; the version before it serves until then.
 *
 * @param kind `trigger` syncs, and so tests, even what has passed already; `wait` only what has not
 * @returns the commit
 * @throws UserError with Argo CD's reasons and the last lines of the smoke test or the service, after five minutes at the latest
 */
export const awaitSync = async (target: SyncTarget, kind: "trigger" | "wait"): Promise<string> => {
  const api = client(target);
  const start = Date.now();
  const until = start + TIMEOUT_MS;
  const refuse = async (reasons: readonly string[]): Promise<never> => {
    throw new UserError(
      [
        "what Git has now is not deployed; mend it and push, the version before it serves:",
        ...(await explain(api, reasons)),
      ].join("\n  "),
    );
  };
  const follow = async (): Promise<string> => {
    await refresh(api, until);
    let requested = false;
    for (;;) {
      const application = await api.read();
      const earlier = judge(application);
      if (kind === "wait" && earlier.state === "passed") return earlier.revision;
      const verdict = judge(application, start);
      if (verdict.state === "passed") return verdict.revision;
      if (verdict.state === "failed") return await refuse(verdict.reasons);
      if (verdict.state === "outdated") {
        await endSync(api);
        requested = false;
      }
      if (verdict.state === "idle" && !requested) {
        requested = true;
        await requestSync(api);
      }
      if (Date.now() > until) {
        return await refuse([
          `not done after ${TIMEOUT_MS / 1000} s`,
          ...describeUnfinished(application),
        ]);
      }
      await delay(POLL_MS);
    }
  };
  return step("waiting for Argo CD and the smoke test", follow);
};
