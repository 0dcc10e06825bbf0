import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** Where downloads and computed features are kept between runs; safe to delete. */
export const cacheDirectory = (environment: NodeJS.ProcessEnv = process.env): string =>
  join(environment["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "image-classification-platform");
