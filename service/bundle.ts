import { cp, readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type Plugin, rolldown } from "rolldown";

/** What stays a package beside the bundle: native code, WebAssembly that looks for its bytes, and what few starts load. */
const PACKAGES = [
  "onnxruntime-node",
  "sharp",
  /^@cornerstonejs\//,
  "@techstark/opencv-js",
  /^@aws-sdk\//,
  /^@opentelemetry\//,
  "bullmq",
  "ioredis",
];

/** A file that a module names relative to itself: a worker's program, or bytes that it reads. */
const FILE_URL = /new URL\("([^"]+\.(ts|wasm))", import\.meta\.url\)/g;

/** Takes the files that modules name by URL into the bundle: programs of threads as entries, others as they are. */
const filesByUrl: Plugin = {
  name: "files-by-url",
  transform: {
    filter: { id: /\.ts$/, code: "import.meta.url" },
    async handler(code, id) {
      let result = code;
      for (const [found, path = "", kind] of code.matchAll(FILE_URL)) {
        const file = resolve(dirname(id), path);
        const reference = this.emitFile(
          kind === "ts"
            ? { type: "chunk", id: file }
            : { type: "asset", name: basename(file), source: await readFile(file) },
        );
        result = result.replace(found, `new URL(import.meta.ROLLUP_FILE_URL_${reference})`);
      }
      return { code: result };
    },
  },
};

/**
 * Makes a few files of the hundreds of modules that each start of the service would look for one by one.
 *
 * @param directory where to, with `node_modules/` in it or above it and `configs/` beside it; the programs are its `main.js`
 *   and `smoke-test.js`
 */
export const bundleService = async (directory: string): Promise<void> => {
  const bundle = await rolldown({
    input: ["main.ts", "smoke-test.ts"].map((program) => join(import.meta.dirname, program)),
    platform: "node",
    external: PACKAGES,
    plugins: [filesByUrl],
  });
  await bundle.write({ dir: directory, format: "esm", cleanDir: true });
  await bundle.close();
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
