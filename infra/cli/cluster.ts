import { runMain } from "../console.ts";
import { startCluster } from "../embedded/cluster/start.ts";
import { stopCluster } from "../embedded/cluster/stop.ts";
import { UserError } from "../user-error.ts";

/*
 * `node infra/cli/cluster.ts start` builds, starts or heals the embedded cluster and prints the path of its kubeconfig;
 * `stop` removes it. The program's cluster component runs these as create and delete.
 */
await runMain(async () => {
  const [action] = process.argv.slice(2);
  if (action === "start") process.stdout.write(`${await startCluster()}\n`);
  else if (action === "stop") await stopCluster();
  else throw new UserError("usage: node infra/cli/cluster.ts start|stop");
});
