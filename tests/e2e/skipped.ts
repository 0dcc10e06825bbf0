import { possible } from "./support.ts";

/** Why tests are skipped here, for their names; empty where they run. */
export const skipped = possible ? "" : " (skipped: it needs root on Linux)";
