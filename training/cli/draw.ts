import { join } from "node:path";
import process from "node:process";
import { Command } from "commander";
import { writeFileAtomic } from "../../model/write-atomic.ts";
import { createProgress } from "../progress.ts";
import { openSample } from "../sources/sample.ts";
import { parseInteger } from "./options.ts";
import { runCommand } from "./run-command.ts";

type Options = { readonly out: string; readonly count: number; readonly seed: number };

const command = new Command("draw")
  .description("Draw cats and dogs: cat.0.png, dog.0.png, …")
  .requiredOption("--out <dir>", "where to write the pictures")
  .option("--count <n>", "pictures, half of each", parseInteger(1), 20)
  .option("--seed <n>", "the same seed draws the same pictures", parseInteger(0), 42)
  .action(async ({ out, count, seed }: Options) => {
    const { photos } = openSample({ seed, count });
    const progress = createProgress("drawing", count);
    for (const [index, photo] of photos.entries()) {
      await writeFileAtomic(join(out, photo.id), await photo.read());
      progress.update(index + 1);
    }
    progress.finish();
    process.stderr.write(`${out}: ${count} pictures\n`);
  });

await runCommand(command);
