import { type ApiClient, ApiError } from "./client.ts";
import { conditionsOf, describeName, type KubernetesObject, nameOfObject } from "./types.ts";

const PODS = 3;
const EVENTS = 8;
const LOG_LINES = 20;

type ContainerStatus = {
  readonly name: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: Readonly<
    Record<
      string,
      { readonly reason?: string; readonly message?: string; readonly exitCode?: number }
    >
  >;
};

type KubernetesEvent = {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
};

const listOf = async <T>(
  client: ApiClient,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<readonly T[]> => {
  const answer = (await client.request({ method: "GET", path, query })) as { readonly items?: T[] };
  return answer.items ?? [];
};

const indent = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`);

const conditions = (object: KubernetesObject): readonly string[] =>
  conditionsOf(object).map(
    ({ type, status, reason, message }) =>
      `condition ${type}=${status}${reason === undefined ? "" : ` (${reason})`}${message === undefined || message === "" ? "" : `: ${message}`}`,
  );

const events = async (object: KubernetesObject, client: ApiClient): Promise<readonly string[]> => {
  const { name, namespace } = object.metadata;
  const found = await listOf<KubernetesEvent>(
    client,
    `/api/v1/namespaces/${namespace ?? "default"}/events`,
    { fieldSelector: `involvedObject.name=${name},involvedObject.kind=${object.kind}` },
  );
  const timeOf = (event: KubernetesEvent): string => event.lastTimestamp ?? event.eventTime ?? "";
  return found
    .toSorted((left, right) => timeOf(left).localeCompare(timeOf(right)))
    .slice(-EVENTS)
    .map(({ type, reason, message, count }) => {
      const times = (count ?? 1) > 1 ? ` (${count} times)` : "";
      return `event ${type ?? ""} ${reason ?? ""}: ${(message ?? "").trim()}${times}`;
    });
};

const selectorOf = ({ kind, spec }: KubernetesObject): Readonly<Record<string, string>> => {
  const selector = (spec?.["selector"] ?? {}) as Record<string, unknown>;
  const labels = kind === "Service" ? selector : (selector["matchLabels"] ?? {});
  return labels as Readonly<Record<string, string>>;
};

const podsOf = async (
  object: KubernetesObject,
  client: ApiClient,
): Promise<readonly KubernetesObject[]> => {
  if (object.kind === "Pod") return [object];
  const labels = Object.entries(selectorOf(object)).map(([key, value]) => `${key}=${value}`);
  const { namespace } = object.metadata;
  if (labels.length === 0 || namespace === undefined) return [];
  return listOf<KubernetesObject>(client, `/api/v1/namespaces/${namespace}/pods`, {
    labelSelector: labels.join(","),
  });
};

const log = async (
  pod: KubernetesObject,
  container: string,
  previous: boolean,
  client: ApiClient,
): Promise<readonly string[]> => {
  const { name, namespace } = pod.metadata;
  const title = `last log lines of container ${container}${previous ? ", before it restarted" : ""}:`;
  try {
    const text = await client.text({
      method: "GET",
      path: `/api/v1/namespaces/${namespace}/pods/${name}/log`,
      query: { container, tailLines: String(LOG_LINES), ...(previous && { previous: "true" }) },
    });
    const lines = text.trimEnd().split("\n");
    return text.trim() === "" ? [] : [title, ...indent(lines)];
  } catch (error) {
    // A container that never ran has no log; its state above says why.
    if (error instanceof ApiError) return [];
    throw error;
  }
};

const describeContainer = async (
  pod: KubernetesObject,
  status: ContainerStatus,
  client: ApiClient,
): Promise<readonly string[]> => {
  const { name, ready, restartCount = 0, state = {} } = status;
  const [phase = "unknown", details] = Object.entries(state)[0] ?? [];
  const exit = details?.exitCode === undefined ? undefined : `exit code ${details.exitCode}`;
  const why = [details?.reason, exit, details?.message].filter((part) => part !== undefined);
  const text = `container ${name}: ${phase}${why.length > 0 ? ` (${why.join(", ")})` : ""}, ${restartCount} restarts`;
  if (ready === true) return [text];
  return [
    text,
    ...(await log(pod, name, false, client)),
    ...(restartCount > 0 ? await log(pod, name, true, client) : []),
  ];
};

const describePod = async (
  pod: KubernetesObject,
  client: ApiClient,
): Promise<readonly string[]> => {
  const statuses = ["initContainerStatuses", "containerStatuses"].flatMap(
    (key) => (pod.status?.[key] ?? []) as readonly ContainerStatus[],
  );
  const containers: string[] = [];
  for (const status of statuses) containers.push(...(await describeContainer(pod, status, client)));
  const unscheduled = conditionsOf(pod).filter(
    ({ type, status }) => type === "PodScheduled" && status === "False",
  );
  return [
    `${describeName(nameOfObject(pod))}: ${String(pod.status?.["phase"] ?? "unknown")}`,
    ...indent([
      ...unscheduled.map(({ message }) => `not scheduled: ${message ?? ""}`),
      ...(await events(pod, client)),
      ...containers,
    ]),
  ];
};

const isReady = (pod: KubernetesObject): boolean =>
  conditionsOf(pod).some(({ type, status }) => type === "Ready" && status === "True");

/**
 * Collects what a person needs to understand why an object is not ready: its conditions and events, and of its pods that
 * are not ready the state, the events and the last log lines, those of before a restart included.
 */
export const describeFailure = async (
  object: KubernetesObject,
  client: ApiClient,
): Promise<string> => {
  const name = describeName(nameOfObject(object));
  try {
    const pods = (await podsOf(object, client)).filter((pod) => !isReady(pod));
    const lines = [...conditions(object)];
    if (object.kind !== "Pod") lines.push(...(await events(object, client)));
    for (const pod of pods.slice(0, PODS)) lines.push(...(await describePod(pod, client)));
    if (pods.length > PODS) lines.push(`… and ${pods.length - PODS} more pods`);
    return [name, ...indent(lines)].join("\n");
  } catch {
    // The failure itself is reported anyway; an API that does not answer now must not hide it.
    return name;
  }
};
