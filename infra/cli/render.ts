import { runMain } from "../console.ts";
import { renderDeployFiles, writeDeployFiles } from "../gitops/deploy-files.ts";
import { repositoryDirectory } from "../paths.ts";

/*
 * `make render` writes deploy/, which Argo CD deploys, from the components.
 */
await runMain(async () => {
  const written = await writeDeployFiles(repositoryDirectory, await renderDeployFiles());
  const lines = written.length === 0 ? ["deploy/ is up to date"] : written;
  for (const line of lines) process.stdout.write(`${line}\n`);
});
