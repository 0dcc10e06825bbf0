import type { ApiClient } from "./client.ts";

type WarningEvent = {
  readonly metadata: { readonly uid: string };
  readonly involvedObject: { readonly kind: string; readonly name: string };
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
};

const EVERY_MS = 15_000;

/**
 * While something is waited for, shows the namespace's new warnings: what holds an object up is often told of another one, as
 * a claim that gets no volume holds up the pod of a Job.
 *
 * @returns the function that ends it
 */
export const showWarnings = (
  client: ApiClient,
  namespace: string | undefined,
  show: (text: string) => void,
): (() => void) => {
  const since = new Date(Date.now() - 1000).toISOString();
  const shown = new Set<string>();
  const look = async (): Promise<void> => {
    const answer = (await client.request({
      method: "GET",
      path: `/api/v1/namespaces/${namespace}/events`,
      query: { fieldSelector: "type=Warning" },
    })) as { readonly items?: readonly WarningEvent[] };
    for (const { metadata, involvedObject, reason, message, ...times } of answer.items ?? []) {
      const at = times.lastTimestamp ?? times.eventTime ?? "";
      if (at < since || shown.has(metadata.uid)) continue;
      shown.add(metadata.uid);
      show(
        `${involvedObject.kind} ${involvedObject.name}: ${reason ?? "warning"}: ${message ?? ""}`,
      );
    }
  };
  const timer = setInterval(() => {
    // Only a help for the reader: whether the wait itself succeeds is decided elsewhere.
    look().catch(() => undefined);
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
};
