import { describe, expect, it } from "vitest";
import { type Application, judge } from "./sync-verdict.ts";

const OLD = "a".repeat(40);
const NEW = "b".repeat(40);
const STARTED = "2026-11-21T12:00:05Z";
const AT = Date.parse(STARTED);

type Status = NonNullable<Application["status"]>;
const application = (status: Partial<Status>, more: Omit<Application, "status"> = {}) => ({
  ...more,
  status: {
    sync: { status: "Synced", revision: NEW },
    health: { status: "Healthy" },
    ...status,
  },
});
const operation = (
  phase: NonNullable<Status["operationState"]>["phase"],
  revision = NEW,
  more: object = {},
): Partial<Status> => ({
  operationState: { phase, startedAt: STARTED, syncResult: { revision }, ...more },
});

describe("judge", () => {
  it("passes what is synced, healthy, and tested by a sync of the newest commit", () => {
    expect(judge(application(operation("Succeeded")))).toEqual({ state: "passed", revision: NEW });
  });

  it.each([
    ["another state than Git's", { sync: { status: "OutOfSync", revision: NEW } }],
    ["pods that are not ready", { health: { status: "Progressing" } }],
  ])("waits for the end of %s", (_, status) => {
    expect(judge(application({ ...operation("Succeeded"), ...status })).state).toBe("busy");
  });

  it("does not take an older commit's success, nor a sync that began before it was asked for", () => {
    expect(judge(application(operation("Succeeded", OLD))).state).toBe("idle");
    expect(judge(application(operation("Succeeded")), AT + 1000).state).toBe("idle");
    // Times have whole seconds.
    expect(judge(application(operation("Succeeded")), AT + 999).state).toBe("passed");
    expect(judge(application({})).state).toBe("idle");
  });

  it("does not take a part's sync for a test: that runs no hook", () => {
    const resources = [{ kind: "Service", name: "api" }];
    const healed = operation("Succeeded", NEW, { operation: { sync: { resources } } });
    expect(judge(application(healed)).state).toBe("idle");
  });

  it("does not take a sync that was ended for a failure of its commit", () => {
    const ended = operation("Failed", NEW, { message: "Operation terminated" });
    expect(judge(application(ended)).state).toBe("idle");
  });

  it("waits for a sync that runs or is about to, unless it deploys an older commit", () => {
    expect(judge(application(operation("Running"))).state).toBe("busy");
    expect(judge(application(operation("Running", OLD))).state).toBe("outdated");
    expect(judge(application(operation("Terminating", OLD))).state).toBe("busy");
    expect(judge(application(operation("Succeeded"), { operation: {} })).state).toBe("busy");
    const early = { operationState: { phase: "Running", startedAt: STARTED } } as const;
    expect(judge(application(early)).state).toBe("busy");
  });

  it("fails with the reasons: the hook's, the unhealthy object's", () => {
    const hook = { kind: "Job", name: "smoke-test", hookPhase: "Failed", message: "backoff" };
    const fine = { kind: "Service", name: "api", status: "Synced" };
    const verdict = judge(
      application({
        ...operation("Failed", NEW, {
          message: "one or more synchronization tasks completed unsuccessfully",
          syncResult: { revision: NEW, resources: [hook, fine] },
        }),
        resources: [
          { kind: "Deployment", name: "api", health: { status: "Degraded", message: "late" } },
          { kind: "Service", name: "api", health: { status: "Healthy" } },
        ],
      }),
    );
    expect(verdict).toEqual({
      state: "failed",
      reasons: [
        "Argo CD says: one or more synchronization tasks completed unsuccessfully",
        "Job smoke-test: backoff",
        "Deployment api is Degraded: late",
      ],
    });
  });

  it("fails at once when Git holds what cannot be rendered", () => {
    const conditions = [{ type: "ComparisonError", message: "kustomize build failed" }];
    expect(judge(application({ ...operation("Succeeded", OLD), conditions }))).toMatchObject({
      state: "failed",
      reasons: ["ComparisonError: kustomize build failed"],
    });
  });
});
