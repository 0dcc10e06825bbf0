import { existsSync } from "node:fs";
import { runMain, say } from "../infra/console.ts";
import { ensureDebianPackages } from "../infra/embedded/cluster/debian-packages.ts";
import { findChromium } from "./fixtures/chromium.ts";

const PACKAGES = {
  chromium: "tests look at the pages with it",
  "fonts-liberation": "letters of those pages",
};

/*
 * `make test` runs it, so that the pages are looked at on a machine where nobody has installed a browser by hand. Where it
 * cannot be had, their tests say that they are skipped.
 */
await runMain(async () => {
  if (findChromium() !== undefined || !existsSync("/usr/bin/apt-get")) return;
  try {
    await ensureDebianPackages(PACKAGES);
  } catch (error) {
    say(`  no Chromium: ${error instanceof Error ? error.message : String(error)}`);
  }
});
