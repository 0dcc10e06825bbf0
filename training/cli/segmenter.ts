import { Command } from "commander";
import { writeFileAtomic } from "../../model/write-atomic.ts";
import { SEGMENTER, segmenterFile } from "../segmenter/segmenter.ts";
import { runCommand } from "./run-command.ts";

type Options = { readonly out: string };

const command = new Command("segmenter")
  .description("Download the small U²-Net, which finds foregrounds, for POST /process.")
  .requiredOption("--out <file>", "where to write the ONNX file")
  .action(async ({ out }: Options) => {
    await writeFileAtomic(out, await segmenterFile.obtain());
    process.stderr.write(`${out}: ${SEGMENTER.name}, ${SEGMENTER.digest}\n`);
  });

await runCommand(command);
