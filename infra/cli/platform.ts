import { join } from "node:path";
import { Command } from "commander";
import { paint, runMain, say } from "../console.ts";
import { stopProcess } from "../embedded/cluster/processes.ts";
import { isClusterHealthy } from "../embedded/cluster/start.ts";
import { stopCluster } from "../embedded/cluster/stop.ts";
import { withLock } from "../lock.ts";
import { stateDirectory } from "../paths.ts";
import { deployed } from "../stack/deployed.ts";
import { evaluateService } from "../stack/evaluate.ts";
import { forwardTracking } from "../stack/forward-tracking.ts";
import { healCluster } from "../stack/heal.ts";
import { operate, outputsOf } from "../stack/operations.ts";
import { requireNoLeftArgoCd } from "../stack/owner.ts";
import { readPlatformKey } from "../stack/platform-key.ts";
import { PORT_FORWARD, reachService } from "../stack/reach-service.ts";
import { askService, samplePicture } from "../stack/sample-picture.ts";
import { type Selection, select } from "../stack/selection.ts";
import { runSmokeTest } from "../stack/smoke.ts";
import { describeStatus } from "../stack/status.ts";
import { awaitSync } from "../stack/sync.ts";
import { UserError } from "../user-error.ts";

/*
 * The commands behind `make up`, `preview`, `down`, `status`, `smoke`, `evaluate`, `mlflow` and `sync`.
 */
const announce = async (): Promise<Selection> => {
  const selection = await select(process.env);
  say(`${paint("bold", `stack ${selection.stack}`)}: ${selection.stackReason}`);
  say(`${paint("bold", `${selection.engine} engine`)}: ${selection.engineReason}`);
  return selection;
};

const exclusively = <T>(work: () => Promise<T>): Promise<T> =>
  withLock(join(stateDirectory, "stack.lock"), "fail", work);

const up = async (): Promise<void> => {
  const start = Date.now();
  const selection = await announce();
  await exclusively(async () => {
    await requireNoLeftArgoCd(selection);
    await healCluster(selection);
    await operate(selection, "up");
    const stack = await deployed(selection);
    const { url, application } = stack;
    if (application) await awaitSync({ ...stack, application }, "wait");
    await reachService(stack, selection);
    const picture = await samplePicture();
    const key = await readPlatformKey(stack, (await outputsOf(selection))["platformKey"]);
    const answer = await askService(url, picture, key);
    say(
      `ready after ${((Date.now() - start) / 1000).toFixed(0)} s; a picture that was sent to it: ${answer}`,
    );
    const header = key === undefined ? "" : `-H "Authorization: Bearer $API_KEY" `;
    process.stdout.write(`${url}\ncurl ${header}-F image=@${picture} ${url}/predict\n`);
  });
};

const preview = async (): Promise<void> => {
  const selection = await announce();
  const expectNoChanges = Boolean(process.env["EXPECT_NO_CHANGES"]);
  await exclusively(() => operate(selection, "preview", { expectNoChanges }));
};

const down = async (): Promise<void> => {
  const selection = await announce();
  const embedded = selection.cluster.kind === "embedded";
  await exclusively(async () => {
    // On half a cluster nothing ends its pods: without a cluster the engine drops what was in it.
    if (embedded && !(await isClusterHealthy())) await stopCluster();
    await operate(selection, "destroy");
    await stopProcess(PORT_FORWARD);
    // Whatever an interrupted run left, which the state does not know of.
    if (embedded) await stopCluster();
  });
  say("everything is down; built binaries and images stay in the cache.");
};

const status = async (): Promise<void> => {
  for (const line of await describeStatus(await announce())) process.stdout.write(`${line}\n`);
};

const smoke = async (): Promise<void> => {
  const selection = await announce();
  process.stdout.write(`${await runSmokeTest(await deployed(selection))}\n`);
};

const evaluate = async (): Promise<void> => {
  const selection = await announce();
  const stack = await deployed(selection);
  const { evaluation, platformKey } = await outputsOf(selection);
  const service = { url: stack.url, key: await readPlatformKey(stack, platformKey) };
  process.exitCode = await evaluateService(service, evaluation, process.env["DATA"] || undefined);
};

const mlflow = async (): Promise<void> => {
  const selection = await announce();
  const { trackingServer } = await outputsOf(selection);
  await forwardTracking(await deployed(selection), trackingServer);
};

const sync = async (): Promise<void> => {
  const selection = await announce();
  const stack = await deployed(selection);
  const { application } = stack;
  if (!application) {
    throw new UserError(
      `stack ${selection.stack} is deployed without Argo CD; set gitops.enabled and run \`make up\`.`,
    );
  }
  const commit = await awaitSync({ ...stack, application }, "trigger");
  process.stdout.write(`${commit} is deployed, healthy and passed by the smoke test\n`);
};

const program = new Command("platform").description(
  "The platform as a whole. STACK=dev|embedded and PULUMI_ENGINE=cli|embedded|auto override what is chosen.",
);
program.command("up").description("set everything up").action(up);
program.command("preview").description("show what up would change").action(preview);
program.command("down").description("remove everything that up made").action(down);
program.command("status").description("show what runs").action(status);
program.command("sync").description("deploy what Git has now, and wait").action(sync);
program.command("smoke").description("run the smoke test in the cluster again").action(smoke);
program
  .command("evaluate")
  .description("judge the service's answers on labelled pictures (DATA=)")
  .action(evaluate);
program
  .command("mlflow")
  .description("reach the MLflow server from this machine until Ctrl-C")
  .action(mlflow);

await runMain(async () => {
  await program.parseAsync();
});
