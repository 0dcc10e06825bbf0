import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import type { Settings } from "./config/settings.ts";

/** Credentials of Kaggle's API. */
export type KaggleToken = { readonly username: string; readonly key: string };

/** Where the photos of a training run come from, decided when the program runs, so that the plan says it. */
export type TrainingSource =
  | { readonly kind: "kaggle"; readonly token: KaggleToken }
  | { readonly kind: "folder"; readonly photos: string }
  | { readonly kind: "sample"; readonly count: number };

const tokenFileSchema = z.object({ username: z.string().min(1), key: z.string().min(1) });

const readTokenFile = (path: string): KaggleToken | undefined => {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  try {
    return tokenFileSchema.parse(JSON.parse(content));
  } catch {
    // The reason would quote the file, and the file holds a secret.
    throw new pulumi.RunError(
      `${path} is not a Kaggle token; download it again (kaggle.com, Settings, API).`,
    );
  }
};

/** The user's Kaggle token: KAGGLE_USERNAME and KAGGLE_KEY, else ~/.kaggle/kaggle.json; undefined when there is none. */
export const findKaggleToken = (
  environment: NodeJS.ProcessEnv = process.env,
  home: string = homedir(),
): KaggleToken | undefined => {
  const { KAGGLE_USERNAME: username, KAGGLE_KEY: key } = environment;
  return username && key ? { username, key } : readTokenFile(join(home, ".kaggle", "kaggle.json"));
};

/**
 * Decides the source of a training run.
 *
 * @throws pulumi.RunError when Kaggle is asked for without a token
 */
export const resolveTrainingSource = (
  { source, photos, count }: Settings["training"],
  findToken: () => KaggleToken | undefined = findKaggleToken,
): TrainingSource => {
  if (source === "folder" && photos !== undefined) return { kind: "folder", photos };
  const token = source === "sample" ? undefined : findToken();
  if (token) return { kind: "kaggle", token };
  if (source === "kaggle") {
    throw new pulumi.RunError(
      "training.source is kaggle but no token was found; set KAGGLE_USERNAME and KAGGLE_KEY, or save ~/.kaggle/kaggle.json.",
    );
  }
  return { kind: "sample", count };
};
