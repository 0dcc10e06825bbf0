import { Command } from "commander";
import { writeFileAtomic } from "../../model/write-atomic.ts";
import { BACKBONE, backboneFile } from "../backbone/backbone.ts";
import { runCommand } from "./run-command.ts";

type Options = { readonly out: string };

const command = new Command("backbone")
  .description("Download EfficientNet-lite0's weights and convert them to ONNX.")
  .requiredOption("--out <file>", "where to write the ONNX file")
  .action(async ({ out }: Options) => {
    await writeFileAtomic(out, await backboneFile.obtain());
    process.stderr.write(`${out}: ${BACKBONE.name}, ${BACKBONE.digest}\n`);
  });

await runCommand(command);
