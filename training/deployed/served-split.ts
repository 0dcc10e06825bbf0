import { z } from "zod";

const healthSchema = z.object({ model: z.object({ name: z.string() }) });
const modelSchema = z.object({ parameters: z.object({ split_digest: z.string() }) });

const LIMIT_MS = 10_000;

/**
 * The digest of the split that the served model was trained with, as its metadata says by the Open Inference Protocol.
 *
 * @param base where the service answers, ending with a slash
 * @param key what the service asks for, if it does
 * @returns undefined where the service does not say
 */
export const readServedSplit = async (base: URL, key?: string): Promise<string | undefined> => {
  const ask = async (path: string): Promise<unknown> => {
    const response = await fetch(new URL(path, base), {
      ...(key !== undefined && { headers: { authorization: `Bearer ${key}` } }),
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    return response.json();
  };
  try {
    const { model } = healthSchema.parse(await ask("health"));
    const path = `v2/models/${encodeURIComponent(model.name)}`;
    return modelSchema.parse(await ask(path)).parameters.split_digest;
  } catch {
    // It is asked about for a remark only.
    return undefined;
  }
};
