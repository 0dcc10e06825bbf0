import { RATE, type Row } from "./panel.ts";

/** What the nodes have left, from node-exporter. */
export const nodeRow = (): Row => ({
  title: "Nodes",
  panels: [
    {
      id: "node-cpu",
      title: "CPU in use",
      description: "Share of all cores of a node.",
      unit: "share",
      kind: "lines",
      queries: [
        {
          expr: `1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[${RATE}]))`,
          legend: "{{instance}}",
        },
      ],
    },
    {
      id: "node-memory",
      title: "Memory available",
      description: "What programs can still get without swapping.",
      unit: "bytes",
      kind: "lines",
      queries: [{ expr: "node_memory_MemAvailable_bytes", legend: "{{instance}}" }],
    },
  ],
});
