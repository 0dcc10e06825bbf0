import { createRequire } from "node:module";
import packageJson from "./package.json" with { type: "json" };

/** What runs here, for /health and the metrics. */
export type BuildInfo = {
  readonly version: string;
  readonly commit: string;
  readonly node: string;
  readonly onnxruntime: string;
};

/** Reads the build: the image's build arguments come as BUILD_VERSION and BUILD_COMMIT. */
export const readBuildInfo = (env: NodeJS.ProcessEnv): BuildInfo => {
  // By name, not by import: only workers load the runtime itself.
  const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json") as {
    version: string;
  };
  return {
    version: env["BUILD_VERSION"] || packageJson.version,
    commit: env["BUILD_COMMIT"] || "unknown",
    node: process.version,
    onnxruntime: version,
  };
};
