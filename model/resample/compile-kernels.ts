/*
 * Writes kernels.wasm from kernels.wat: `npm run build:kernels`. A test fails when it was forgotten.
 */
import { readFile, writeFile } from "node:fs/promises";
import initWabt from "wabt";

const local = (name: string): URL => new URL(name, import.meta.url);

/** The module's bytes, from its text. @throws Error with line and column, when the text is not valid WebAssembly */
export const compileKernels = async (): Promise<Uint8Array> => {
  const wabt = await initWabt();
  const parsed = wabt.parseWat("kernels.wat", await readFile(local("kernels.wat"), "utf8"), {
    simd: true,
  });
  parsed.validate();
  return parsed.toBinary({}).buffer;
};

if (import.meta.main) await writeFile(local("kernels.wasm"), await compileKernels());
