import { readFile } from "node:fs/promises";
import * as ort from "onnxruntime-node";
import { openSession } from "../../model/classifier.ts";
import { ModelError } from "../../model/model-error.ts";
import { type Mask, type Picture, resizeMask, scale } from "./picture.ts";

/** A network of the user's own that finds the foreground. */
export type SaliencyModel = {
  readonly segment: (picture: Picture) => Promise<Mask>;
};

/** ImageNet's mean and deviation by channel, with which U²-Net and its kin were trained. */
const MEAN = [0.485, 0.456, 0.406] as const;
const STD = [0.229, 0.224, 0.225] as const;

/** Mean and deviation make one input of pixels: NCHW, divided by the brightest value as U²-Net's own code does. */
const pack = ({ width, height, data }: Picture): Float32Array => {
  const plane = width * height;
  const brightest = Math.max(
    1,
    data.reduce((most, value) => Math.max(most, value), 0),
  );
  const values = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    for (const c of [0, 1, 2] as const) {
      values[c * plane + i] = ((data[3 * i + c] as number) / brightest - MEAN[c]) / STD[c];
    }
  }
  return values;
};

/**
 * Opens an ONNX file in the manner of U²-Net: one input `[1, 3, height, width]` of fixed size, RGB normalised as for ImageNet; its
 * first output `[1, 1, height, width]` tells the foreground from the rest, in any range.
 *
 * @throws ModelError `missing`, `corrupt` or `wrong-shape`
 */
export const openSaliencyModel = async (path: string, threads: number): Promise<SaliencyModel> => {
  const onnx = await readFile(path).catch((error: unknown) => {
    throw new ModelError("missing", `${path} cannot be read; check SEGMENTER_MODEL.`, {
      cause: error,
    });
  });
  const session = await openSession(onnx, threads);
  const [input] = session.inputMetadata;
  const [output] = session.outputNames;
  const shape = input?.isTensor ? input.shape : [];
  const [, channels, height, width] = shape;
  if (!input || output === undefined || channels !== 3 || !Number(height) || !Number(width)) {
    throw new ModelError(
      "wrong-shape",
      `${path} takes ${shape.join(" × ") || "no tensor"}, not 1 × 3 × height × width; check SEGMENTER_MODEL.`,
    );
  }
  const size = { width: Number(width), height: Number(height) };

  const segment = async (picture: Picture): Promise<Mask> => {
    const values = pack(await scale(picture, size));
    const tensor = new ort.Tensor("float32", values, [1, 3, size.height, size.width]);
    const data = (await session.run({ [input.name]: tensor }))[output]?.data;
    if (!(data instanceof Float32Array) || data.length !== size.width * size.height) {
      throw new ModelError("wrong-shape", `${path} gave no mask; check SEGMENTER_MODEL.`);
    }
    const low = data.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    const high = data.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const range = Math.max(1e-6, high - low);
    return resizeMask({ ...size, data: data.map((value) => (value - low) / range) }, picture);
  };
  return { segment };
};
