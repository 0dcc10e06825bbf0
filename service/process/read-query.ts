import { z } from "zod";
import { ProblemError } from "../problem.ts";
import type { ProcessConfig } from "./config.ts";
import { plan, type Step } from "./plan.ts";
import { BACKGROUNDS, type Background } from "./vocabulary.ts";

/** What an address may say of the processing behind its question mark. */
export const processQuerySchema = z.object({
  background: z.enum(BACKGROUNDS).default("transparent").meta({
    description: "What the foreground stands on.",
  }),
  steps: z.string().optional().meta({
    description:
      "Steps with commas between: segment, qa, tag, export. Unknown ones are ignored. Default: configs/mvp.yaml.",
    example: "segment,qa,tag",
  }),
});

/** What shall be done to a photo, or to each one of a batch. */
export type ProcessOrder = { readonly steps: readonly Step[]; readonly background: Background };

/**
 * Reads what an address asks for. What it does not say is as in configs/mvp.yaml.
 *
 * @param keeps whether there is a storage for the step export
 * @param instead what to ask for where there is none, such as "leave the step export out"
 * @throws ProblemError `bad-request`
 */
export const readProcessQuery = (
  query: Readonly<Record<string, string>>,
  { mvp }: Pick<ProcessConfig, "mvp">,
  { keeps, instead }: { readonly keeps: boolean; readonly instead: string },
): ProcessOrder => {
  const read = processQuerySchema.safeParse(query);
  if (!read.success) {
    const names = BACKGROUNDS.join(" or ");
    throw new ProblemError("bad-request", `background is ${names}; send one of them.`);
  }
  const { background, steps: asked } = read.data;
  const usual = mvp.export ? [...mvp.steps, "export"] : mvp.steps;
  const steps = plan(asked?.split(",") ?? usual);
  if (steps.includes("export") && !keeps) {
    throw new ProblemError("bad-request", `This service keeps no pictures; ${instead}.`);
  }
  return { steps, background };
};
