import { runMain } from "../console.ts";
import { ensureTools } from "../embedded/tools/build.ts";
import { TOOL_MODULES, type ToolModuleName } from "../embedded/tools/catalogue.ts";
import { UserError } from "../user-error.ts";

const isKnown = (name: string): name is ToolModuleName => Object.hasOwn(TOOL_MODULES, name);

/*
 * `node infra/cli/build-tools.ts kubernetes etcd` builds pinned programs before tests that need them without a cluster.
 */
await runMain(async () => {
  for (const name of process.argv.slice(2)) {
    if (!isKnown(name)) {
      throw new UserError(
        `${name} is not known; take of: ${Object.keys(TOOL_MODULES).join(", ")}.`,
      );
    }
    await ensureTools(name);
  }
});
