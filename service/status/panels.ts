import { readFile } from "node:fs/promises";
import { z } from "zod";

/** The file that says what the /status page shows: the dashboards' rows, written by infra's monitoring component. */
export const statusPanelsSchema = z.object({
  rows: z.array(
    z.object({
      title: z.string(),
      panels: z.array(
        z.object({
          id: z.string(),
          title: z.string(),
          description: z.string(),
          unit: z.enum(["requests/s", "seconds", "share", "cores", "bytes", "count", "per second"]),
          kind: z.enum(["lines", "number", "heatmap"]),
          queries: z.array(z.object({ expr: z.string(), legend: z.string() })),
        }),
      ),
    }),
  ),
});

export type StatusRow = z.infer<typeof statusPanelsSchema>["rows"][number];
export type StatusPanel = StatusRow["panels"][number];
export type Unit = StatusPanel["unit"];

/** Reads the panels' file. @throws Error when it is not there or something else */
export const readPanels = async (path: string): Promise<readonly StatusRow[]> =>
  statusPanelsSchema.parse(JSON.parse(await readFile(path, "utf8"))).rows;
