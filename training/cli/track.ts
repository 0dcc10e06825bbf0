import process from "node:process";
import { Command } from "commander";
import { TrackingError } from "../tracking/mlflow-client.ts";
import { sendKept } from "../tracking/track.ts";
import { UserError } from "../user-error.ts";
import { trackingCopiesOption, trackingOption } from "./options.ts";
import { runCommand } from "./run-command.ts";

type Options = { readonly tracking?: string; readonly trackingCopies: string };

const command = new Command("track")
  .description("Send runs to MLflow that were kept while it did not answer.")
  .addOption(trackingOption().makeOptionMandatory())
  .addOption(trackingCopiesOption())
  .action(async ({ tracking = "", trackingCopies: copies }: Options) => {
    let sent = 0;
    try {
      await sendKept({ url: tracking, copies }, (line) => {
        sent++;
        process.stdout.write(`${line}\n`);
      });
    } catch (error) {
      if (!(error instanceof TrackingError)) throw error;
      throw new UserError(`${error.message}; what it lacks is still in ${copies}.`, {
        cause: error,
      });
    }
    if (sent === 0) process.stdout.write(`nothing is kept in ${copies}.\n`);
  });

await runCommand(command);
