import * as ort from "onnxruntime-node";
import { createPacker } from "../../model/preprocessing.ts";
import type { Preprocessing } from "../../model/preprocessing-settings.ts";
import { addNode, decodeModel, describeTensor, encodeModel } from "../backbone/onnx.ts";
import { quantisedTensors, type Statistics } from "./quantise.ts";

/**
 * Runs a model on pictures and notes of each tensor that is to be quantised the least and the greatest value and the mean
 * of each channel. The graph itself finds them, so that no tensor is copied out.
 *
 * @param pictures decoded ones (HWC bytes)
 * @param seen called behind each picture with how many were run
 */
export const measureStatistics = async (
  model: Uint8Array,
  pictures: readonly Uint8Array[],
  options: { readonly preprocessing: Preprocessing; readonly threads: number },
  seen: (count: number) => void = () => undefined,
): Promise<Map<string, Statistics>> => {
  const graph = decodeModel(model);
  const input = graph.input[0]?.name ?? "";
  const tensors = quantisedTensors(graph);
  graph.output = tensors.flatMap((tensor) => {
    addNode(graph, "ReduceMin", [tensor], `${tensor}.min`, { keepdims: 0 });
    addNode(graph, "ReduceMax", [tensor], `${tensor}.max`, { keepdims: 0 });
    addNode(graph, "ReduceMean", [tensor], `${tensor}.means`, { keepdims: 0, axes: [0, 2, 3] });
    return [
      describeTensor(`${tensor}.min`, []),
      describeTensor(`${tensor}.max`, []),
      describeTensor(`${tensor}.means`, ["channels"]),
    ];
  });
  const session = await ort.InferenceSession.create(encodeModel("calibration", graph), {
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
  });
  const pack = createPacker(options.preprocessing);
  const side = options.preprocessing.inputSize;
  const statistics = new Map<string, Statistics>();
  try {
    const values = new Float32Array(3 * side * side);
    for (const [index, pixels] of pictures.entries()) {
      pack(pixels, values, 0);
      const outputs = await session.run({
        [input]: new ort.Tensor("float32", values, [1, 3, side, side]),
      });
      const read = (name: string): number[] =>
        Array.from(outputs[name]?.data as Float32Array, Number);
      for (const tensor of tensors) {
        const [means, before] = [read(`${tensor}.means`), statistics.get(tensor)];
        const share = 1 / (index + 1);
        statistics.set(tensor, {
          min: Math.min(before?.min ?? 0, ...read(`${tensor}.min`)),
          max: Math.max(before?.max ?? 0, ...read(`${tensor}.max`)),
          means: means.map((mean, i) => (before?.means[i] ?? 0) * (1 - share) + mean * share),
        });
      }
      seen(index + 1);
    }
  } finally {
    await session.release();
  }
  return statistics;
};
