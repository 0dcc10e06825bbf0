import { describe, expect, it } from "vitest";
import { type ApiClient, ApiError } from "./client.ts";
import { describeFailure } from "./describe-failure.ts";
import type { KubernetesObject } from "./types.ts";

const deployment: KubernetesObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "api", namespace: "cats-dogs" },
  spec: { selector: { matchLabels: { app: "api" } } },
  status: {
    conditions: [
      { type: "Available", status: "False", reason: "MinimumReplicasUnavailable", message: "none" },
    ],
  },
};

const pod = (name: string, ready: boolean): KubernetesObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "cats-dogs" },
  status: {
    phase: "Running",
    conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
    containerStatuses: [
      {
        name: "service",
        ready,
        restartCount: 3,
        state: { waiting: { reason: "CrashLoopBackOff", message: "back-off" } },
      },
    ],
  },
});

/** Answers as the API would; the last attempt's log is gone, the one of before is there. */
const client = (answers: Readonly<Record<string, unknown>>): ApiClient => ({
  server: "",
  request: ({ path, query }) => {
    const events = path.endsWith("/events") ? (query?.["fieldSelector"] ?? "") : "";
    const answer = answers[`${path}${events}`];
    return answer === undefined
      ? Promise.reject(new ApiError(404, "none"))
      : Promise.resolve({ items: answer });
  },
  text: ({ query }) =>
    query?.["previous"] === "true"
      ? Promise.resolve("model.onnx is corrupt\nbye\n")
      : Promise.reject(new ApiError(400, "waiting to start")),
  // biome-ignore lint/correctness/useYield: nothing here watches
  watch: async function* none() {
    throw new Error("not watched");
  },
});

describe("describeFailure", () => {
  it("shows conditions, events, and of pods that are not ready state and logs", async () => {
    const events = "/api/v1/namespaces/cats-dogs/events";
    const text = await describeFailure(
      deployment,
      client({
        "/api/v1/namespaces/cats-dogs/pods": [pod("api-1", true), pod("api-2", false)],
        [`${events}involvedObject.name=api,involvedObject.kind=Deployment`]: [
          { type: "Normal", reason: "ScalingReplicaSet", message: "scaled up", lastTimestamp: "1" },
        ],
        [`${events}involvedObject.name=api-2,involvedObject.kind=Pod`]: [
          { type: "Warning", reason: "BackOff", message: "later", lastTimestamp: "2", count: 4 },
          { type: "Normal", reason: "Pulled", message: "earlier", lastTimestamp: "1" },
        ],
      }),
    );
    expect(text).toBe(
      [
        "Deployment cats-dogs/api",
        "  condition Available=False (MinimumReplicasUnavailable): none",
        "  event Normal ScalingReplicaSet: scaled up",
        "  Pod cats-dogs/api-2: Running",
        "    event Normal Pulled: earlier",
        "    event Warning BackOff: later (4 times)",
        "    container service: waiting (CrashLoopBackOff, back-off), 3 restarts",
        "    last log lines of container service, before it restarted:",
        "      model.onnx is corrupt",
        "      bye",
      ].join("\n"),
    );
  });

  it("does not hide the failure when the API no longer answers", async () => {
    expect(await describeFailure(deployment, client({}))).toBe("Deployment cats-dogs/api");
  });
});
