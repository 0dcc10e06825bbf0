import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { z } from "zod";
import { repositoryDirectory } from "../paths.ts";
import { UserError } from "../user-error.ts";

/** The stack's output `evaluation`. */
const evaluationSchema = z.object({
  minAccuracy: z.number(),
  labelledSet: z.array(z.string()),
});

/**
 * Judges the deployed service's answers on labelled pictures, its output on this process's own, and returns the exit
 * status: 0 when the stack's share of them is right.
 *
 * @param output the stack's output `evaluation`
 * @param key what the service asks for, if it does
 * @param data a folder of labelled pictures; undefined takes what training kept back for its test
 */
export const evaluateService = async (
  { url, key }: { readonly url: string; readonly key: string | undefined },
  output: unknown,
  data: string | undefined,
): Promise<number> => {
  const parsed = evaluationSchema.safeParse(output);
  if (!parsed.success) {
    throw new UserError("the stack was deployed by an older program; run `make up` again.");
  }
  const { minAccuracy, labelledSet } = parsed.data;
  const set = data === undefined ? labelledSet : ["--data", resolve(data)];
  const child = spawn(
    "node",
    [
      ...["training/cli/evaluate.ts", "--url", url],
      ...["--min-accuracy", String(minAccuracy), ...set],
    ],
    {
      cwd: repositoryDirectory,
      stdio: "inherit",
      // By the environment, which other users of this machine cannot read.
      env: { ...process.env, ...(key !== undefined && { API_KEY: key }) },
    },
  );
  return new Promise((done, failed) => {
    child.once("error", failed).once("close", (code) => done(code ?? 1));
  });
};
