import { cp, readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type Plugin, rolldown } from "rolldown";

/** What a process or a thread of the image runs, by the name of its file there. */
const PROGRAMS = {
  main: "main.ts",
  "pool-worker": "worker-pool/worker.ts",
  "process-worker": "process/worker.ts",
  "smoke-test": "smoke-test.ts",
} as const;

/** What stays a package beside the bundle: native code, WebAssembly that looks for its bytes, and what few starts load. */
const PACKAGES = [
  "onnxruntime-node",
  /^@img\//,
  /^@cornerstonejs\//,
  /^@aws-sdk\//,
  /^@opentelemetry\/(?!api$)/,
  "bullmq",
  "ioredis",
];

/** A file that a module names relative to itself: a thread's program, or bytes that it reads. */
const FILE_URL = /new URL\("([^"]+\.(?:ts|wasm))", import\.meta\.url\)/g;

const programOf = (file: string): string | undefined =>
  Object.entries(PROGRAMS).find(([, source]) => join(import.meta.dirname, source) === file)?.[0];

/** Takes the files that modules name by URL into the bundle, where all lie in one directory. */
const filesByUrl: Plugin = {
  name: "files-by-url",
  transform: {
    filter: { id: /\.ts$/, code: "import.meta.url" },
    async handler(code, id) {
      let result = code;
      for (const [found, path = ""] of code.matchAll(FILE_URL)) {
        const file = resolve(dirname(id), path);
        const program = programOf(file);
        if (!program && file.endsWith(".ts")) this.error(`PROGRAMS lacks ${file}`);
        const name = program ? `${program}.cjs` : basename(file);
        if (!program) {
          this.emitFile({ type: "asset", fileName: name, source: await readFile(file) });
        }
        result = result.replace(found, `new URL("./${name}", import.meta.url)`);
      }
      return { code: result };
    },
  },
};

/**
 * Makes a few files of the hundreds of modules that each start of the service would look for one by one. They are CommonJS, which
 * Node loads faster than ES modules; programs share none, so that each is read at once.
 *
 * @param directory where to, with `node_modules/` in it or above it and `configs/` beside it; the programs are its `main.cjs`
 *   and `smoke-test.cjs`
 */
export const bundleService = async (directory: string): Promise<void> => {
  for (const [name, source] of Object.entries(PROGRAMS)) {
    const bundle = await rolldown({
      input: { [name]: join(import.meta.dirname, source) },
      platform: "node",
      external: PACKAGES,
      plugins: [filesByUrl],
    });
    await bundle.write({
      dir: directory,
      format: "cjs",
      entryFileNames: "[name].cjs",
      chunkFileNames: `${name}-[name].cjs`,
    });
    await bundle.close();
  }
  await cp(join(import.meta.dirname, "page/client"), join(directory, "client"), {
    recursive: true,
    filter: (source) => !/\.(test\.ts|json)$/.test(source),
  });
};

if (import.meta.main) {
  const [directory] = process.argv.slice(2);
  if (directory === undefined) throw new Error("name the directory to bundle into");
  await bundleService(resolve(directory));
}
