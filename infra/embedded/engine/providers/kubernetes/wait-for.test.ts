import { describe, expect, it } from "vitest";
import type { KubernetesObject } from "./types.ts";
import { parseWaitFor } from "./wait-for.ts";

const application: KubernetesObject = {
  apiVersion: "argoproj.io/v1alpha1",
  kind: "Application",
  metadata: { name: "api" },
  spec: {},
  status: {
    health: { status: "Healthy" },
    replicas: 0,
    conditions: [{ type: "Ready", status: "True" }],
    list: [
      { name: "a", value: "1" },
      { name: "b", value: "2" },
    ],
  },
};

describe("pulumi.com/waitFor", () => {
  it.each([
    ["jsonpath={.status.health.status}=Healthy", true],
    ["jsonpath={.status.health.status}='Healthy'", true],
    ["jsonpath={.status.health.status}=Degraded", false],
    ["jsonpath=.status.replicas=0", true],
    ["jsonpath={.status.replicas}", true],
    ["jsonpath={.status.missing}", false],
    ["jsonpath={.status.list[1].value}=2", true],
    ['jsonpath={.status.list[?(@.name=="b")].value}=2', true],
    ['jsonpath={.status.list[?(@.name=="c")].value}=2', false],
    ["condition=Ready", true],
    ["condition=ready=true", true],
    ["condition=Ready=False", false],
    ["condition=Synced", false],
  ])("%s: %s", (expression, met) => {
    expect(parseWaitFor(expression).map((wish) => wish.isMet(application))).toEqual([met]);
  });

  it("takes a list", () => {
    const wishes = parseWaitFor('["condition=Ready", "jsonpath={.status.missing}"]');
    expect(wishes.map((wish) => wish.isMet(application))).toEqual([true, false]);
  });

  it.each(["ready", "condition=", '["condition=Ready"', "jsonpath="])(
    "refuses %j",
    (expression) => {
      expect(() => parseWaitFor(expression)).toThrow(/correct the annotation/);
    },
  );
});
