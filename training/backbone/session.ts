import * as ort from "onnxruntime-node";
import { createPacker } from "../../model/preprocessing.ts";
import type { Preprocessing } from "../../model/preprocessing-settings.ts";
import { BACKBONE_INPUT } from "./efficientnet-lite0.ts";

/** A backbone that is ready to run. */
export type BackboneSession = {
  /**
   * Runs decoded pictures (HWC bytes) as one batch.
   *
   * @returns the output's numbers, one array for each picture
   */
  readonly run: (pixels: readonly Uint8Array[], output: string) => Promise<Float32Array[]>;
  readonly release: () => Promise<void>;
};

/**
 * Opens a backbone in ONNX Runtime.
 *
 * @param threads explicit, because the default is one for each core of the host, whatever the container's limit
 */
export const openBackbone = async (
  bytes: Uint8Array,
  preprocessing: Preprocessing,
  threads: number,
): Promise<BackboneSession> => {
  const options = { intraOpNumThreads: threads, interOpNumThreads: 1 };
  const session = await ort.InferenceSession.create(bytes, options);
  const pack = createPacker(preprocessing);
  const side = preprocessing.inputSize;
  const size = 3 * side * side;

  const run = async (pixels: readonly Uint8Array[], name: string): Promise<Float32Array[]> => {
    const input = new Float32Array(pixels.length * size);
    for (const [row, picture] of pixels.entries()) pack(picture, input, row * size);
    const tensor = new ort.Tensor("float32", input, [pixels.length, 3, side, side]);
    const output = (await session.run({ [BACKBONE_INPUT]: tensor }, [name]))[name];
    if (!(output?.data instanceof Float32Array)) throw new Error(`the backbone has no ${name}`);
    const { data } = output;
    const width = data.length / pixels.length;
    return pixels.map((_, row) => data.slice(row * width, (row + 1) * width));
  };
  return { run, release: () => session.release() };
};
