import { Registry } from "prom-client";
import { beforeEach, describe, expect, it } from "vitest";
import { METRIC } from "../../metric-names.ts";
import { createMetrics } from "../../metrics.ts";
import { createLiveFigures } from "./live-figures.js";

let registry: Registry;
let metrics: ReturnType<typeof createMetrics>;
let queue: number;

beforeEach(() => {
  registry = new Registry();
  queue = 3;
  metrics = createMetrics(registry, {
    queueDepth: () => queue,
    workersReady: () => 2,
    build: {},
  });
});

const answered = (count: number, outcome = "ok") =>
  metrics.inferences.inc({ model: "a} b", version: "1", outcome }, count);
const rate = { kind: "rate", metric: METRIC.inferences, labels: 'outcome="ok"' } as const;

describe("live figures, from the service's own metrics", () => {
  it("gives the value of now", async () => {
    const read = createLiveFigures([{ kind: "now", metric: METRIC.queueDepth, labels: "" }]);
    expect(read(await registry.metrics(), 0)).toEqual([3]);
    queue = 0;
    expect(read(await registry.metrics(), 1000)).toEqual([0]);
  });

  it("gives the increase a second over the last ten seconds", async () => {
    const read = createLiveFigures([rate]);
    expect(read(await registry.metrics(), 0), "nothing to compare with").toEqual([undefined]);
    answered(10);
    answered(99, "failed");
    expect(read(await registry.metrics(), 2000)).toEqual([5]);
    expect(read(await registry.metrics(), 10_000)).toEqual([1]);
    expect(read(await registry.metrics(), 12_000), "the first ten are too long ago").toEqual([0]);
  });

  it("begins again where a counter falls: another process answers", async () => {
    const read = createLiveFigures([rate]);
    answered(100);
    read(await registry.metrics(), 0);
    registry.resetMetrics();
    answered(10);
    expect(read(await registry.metrics(), 1000)).toEqual([undefined]);
    answered(4);
    expect(read(await registry.metrics(), 3000)).toEqual([2]);
  });

  it("gives the mean of what a histogram saw lately", async () => {
    const labels = 'route="/predict",status="200"';
    const read = createLiveFigures([{ kind: "mean", metric: METRIC.requestDuration, labels }]);
    const seen = (status: string, seconds: number) =>
      metrics.requestDuration.observe({ method: "POST", route: "/predict", status }, seconds);
    seen("200", 9);
    expect(read(await registry.metrics(), 0)).toEqual([undefined]);
    seen("200", 0.25);
    seen("200", 0.75);
    seen("500", 5);
    expect(read(await registry.metrics(), 1000)).toEqual([0.5]);
  });
});
