import { Argument, Command } from "commander";
import { runMain } from "../console.ts";
import { installArgoCd, removeArgoCd } from "../embedded/argo-cd/install.ts";

const ACTIONS = { install: installArgoCd, remove: removeArgoCd } as const;

/*
 * `node infra/cli/argo-cd.ts install` builds Argo CD and installs it on the embedded cluster that KUBECONFIG names; `remove`
 * removes it. The program's argo-cd component runs these as create and delete.
 */
const program = new Command("argo-cd")
  .addArgument(new Argument("<action>").choices(Object.keys(ACTIONS)))
  .requiredOption("--look-at-git <duration>", "time between two looks at Git, such as 10s")
  .action((action: keyof typeof ACTIONS, { lookAtGit }: { readonly lookAtGit: string }) =>
    ACTIONS[action](lookAtGit),
  );

await runMain(async () => {
  await program.parseAsync();
});
