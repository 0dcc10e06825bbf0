import * as ort from "onnxruntime-node";
import { openSession } from "../../model/classifier.ts";
import { ModelError } from "../../model/model-error.ts";
import { type Mask, type Picture, scale } from "./picture.ts";

/** A network that finds the foreground. */
export type Segmenter = {
  /** @returns a mask of the network's own size, whatever the picture's shape */
  readonly segment: (picture: Picture) => Promise<Mask>;
  readonly release: () => Promise<void>;
};

/** ImageNet's mean and deviation by channel, with which U²-Net and its kin were trained. */
const MEAN = [0.485, 0.456, 0.406] as const;
const STD = [0.229, 0.224, 0.225] as const;

/** Mean and deviation make one input of pixels: NCHW, divided by the brightest value as U²-Net's own code does. */
const pack = ({ width, height, data }: Picture): Float32Array => {
  const plane = width * height;
  let brightest = 1;
  for (const value of data) if (value > brightest) brightest = value;
  const values = new Float32Array(3 * plane);
  for (const c of [0, 1, 2] as const) {
    const [factor, offset] = [1 / (brightest * STD[c]), MEAN[c] / STD[c]];
    for (let i = 0; i < plane; i++) {
      values[c * plane + i] = (data[3 * i + c] as number) * factor - offset;
    }
  }
  return values;
};

/** Probabilities as they are, so that nothing stays nothing; anything else stretched to 0..1. */
const toShares = (data: Float32Array): Float32Array => {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low >= 0 && high <= 1) return data;
  const range = Math.max(1e-6, high - low);
  return data.map((value) => (value - low) / range);
};

/**
 * Opens an ONNX file in the manner of U²-Net: one input `[1, 3, height, width]` of fixed size, RGB normalised as for ImageNet; its
 * first output `[1, 1, height, width]` has probabilities of the foreground, or scores in any other range.
 *
 * @param name what errors call it
 * @throws ModelError `corrupt` or `wrong-shape`
 */
export const openSegmenter = async (
  onnx: Uint8Array,
  name: string,
  threads: number,
): Promise<Segmenter> => {
  // Planned in one block, its large maps would take 50 MB more and be no faster.
  const session = await openSession(onnx, threads, { enableMemPattern: false });
  const [input] = session.inputMetadata;
  const [output] = session.outputNames;
  const shape = input?.isTensor ? input.shape : [];
  const [, channels, height, width] = shape;
  if (!input || output === undefined || channels !== 3 || !Number(height) || !Number(width)) {
    await session.release();
    throw new ModelError(
      "wrong-shape",
      `${name} takes ${shape.join(" × ") || "no tensor"}, not 1 × 3 × height × width; name another file with SEGMENTER_MODEL.`,
    );
  }
  const size = { width: Number(width), height: Number(height) };

  const segment = async (picture: Picture): Promise<Mask> => {
    const values = pack(await scale(picture, size));
    const tensor = new ort.Tensor("float32", values, [1, 3, size.height, size.width]);
    const data = (await session.run({ [input.name]: tensor }, [output]))[output]?.data;
    if (!(data instanceof Float32Array) || data.length !== size.width * size.height) {
      throw new ModelError(
        "wrong-shape",
        `${name} gave no mask; name another file with SEGMENTER_MODEL.`,
      );
    }
    return { ...size, data: toShares(data) };
  };
  return { segment, release: () => session.release() };
};
