import { globSync } from "node:fs";
import { join } from "node:path";
import { runMain } from "../console.ts";
import { ensureTools } from "../embedded/tools/build.ts";
import { binaryDirectory, repositoryDirectory } from "../paths.ts";
import { tryCommand } from "../run-command.ts";
import { UserError } from "../user-error.ts";

/*
 * Checks the GitHub workflows with actionlint, which is built from source like the other tools.
 */
await runMain(async () => {
  await ensureTools("actionlint");
  const files = globSync(".github/workflows/*.yaml", { cwd: repositoryDirectory });
  if (files.length === 0) throw new UserError("no workflow was found in .github/workflows.");
  const { code, stdout, stderr } = await tryCommand(join(binaryDirectory, "actionlint"), files, {
    cwd: repositoryDirectory,
  });
  if (code !== 0) throw new UserError(`actionlint found:\n${(stdout || stderr).trim()}`);
});
