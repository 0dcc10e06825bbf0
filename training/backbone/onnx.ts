import onnxProto from "onnx-proto";

const { onnx } = onnxProto;
const { AttributeType } = onnx.AttributeProto;

/** Opset and file version of every graph that this project writes: what onnx-proto's schema knows (ONNX 1.10). */
const OPSET = 15;
const IR_VERSION = 8;

/** A graph under construction. Names are the tensors' names. */
export type Graph = Pick<onnxProto.onnx.GraphProto, "node" | "initializer" | "input" | "output">;

/** One operation of a graph. */
export type Node = Graph["node"][number];

/** Integers or lists of integers: the only attributes that these graphs need. */
type Attributes = Readonly<Record<string, number | readonly number[]>>;

export const emptyGraph = (): Graph => ({ node: [], initializer: [], input: [], output: [] });

/** Adds one operation with one output, named after that output. */
export const addNode = (
  graph: Graph,
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: Attributes = {},
): string => {
  const attribute = Object.entries(attributes).map(([name, value]) =>
    typeof value === "number"
      ? onnx.AttributeProto.create({ name, type: AttributeType.INT, i: value })
      : onnx.AttributeProto.create({ name, type: AttributeType.INTS, ints: [...value] }),
  );
  graph.node.push(
    onnx.NodeProto.create({
      name: output,
      opType,
      input: [...inputs],
      output: [output],
      attribute,
    }),
  );
  return output;
};

/** Adds constant numbers, row-major. */
export const addFloats = (
  graph: Graph,
  name: string,
  dims: readonly number[],
  data: Float32Array,
): string => {
  const rawData = Buffer.alloc(data.length * 4);
  data.forEach((value, index) => {
    rawData.writeFloatLE(value, index * 4);
  });
  const dataType = onnx.TensorProto.DataType.FLOAT;
  graph.initializer.push(onnx.TensorProto.create({ name, dims: [...dims], dataType, rawData }));
  return name;
};

/** Adds constant integers, row-major, of the array's own type. */
export const addIntegers = (
  graph: Graph,
  name: string,
  dims: readonly number[],
  data: Int8Array | Uint8Array | Int32Array,
): string => {
  const { INT8, UINT8, INT32 } = onnx.TensorProto.DataType;
  const dataType = data instanceof Int8Array ? INT8 : data instanceof Uint8Array ? UINT8 : INT32;
  const rawData = Buffer.alloc(data.byteLength);
  data.forEach((value, index) => {
    if (data instanceof Int32Array) rawData.writeInt32LE(value, index * 4);
    else rawData.writeUInt8(value & 255, index);
  });
  graph.initializer.push(onnx.TensorProto.create({ name, dims: [...dims], dataType, rawData }));
  return name;
};

/** A float tensor at the graph's border; a string is the name of a dimension that may vary. */
export const describeTensor = (name: string, dims: readonly (number | string)[]) =>
  onnx.ValueInfoProto.create({
    name,
    type: {
      tensorType: {
        elemType: onnx.TensorProto.DataType.FLOAT,
        shape: {
          dim: dims.map((dim) => (typeof dim === "number" ? { dimValue: dim } : { dimParam: dim })),
        },
      },
    },
  });

/** The bytes of a model file. The same graph gives the same bytes. */
export const encodeModel = (name: string, graph: Graph): Uint8Array =>
  onnx.ModelProto.encode({
    irVersion: IR_VERSION,
    opsetImport: [{ domain: "", version: OPSET }],
    producerName: "image-classification-platform",
    graph: { name, ...graph },
  }).finish();

/** Reads the graph of a model file that `encodeModel` wrote. */
export const decodeModel = (bytes: Uint8Array): Graph => {
  const { graph } = onnx.ModelProto.decode(bytes);
  const { node = [], initializer = [], input = [], output = [] } = graph ?? {};
  return onnx.GraphProto.create({ node, initializer, input, output }) as Graph;
};

/** Names of the inputs of the node that makes a tensor. @throws Error when no node does */
export const inputsOf = (graph: Graph, output: string): string[] => {
  const node = graph.node.find((candidate) => candidate.output?.includes(output));
  if (!node?.input) throw new Error(`the graph does not make ${output}`);
  return node.input;
};

/** The shape and numbers of a constant of floats. @throws Error when there is no such constant */
export const constantOf = (
  graph: Graph,
  name: string,
): { readonly dims: readonly number[]; readonly data: Float32Array } => {
  const tensor = graph.initializer.find((candidate) => candidate.name === name);
  const raw = tensor?.rawData;
  if (!raw) throw new Error(`the graph has no constant ${name}`);
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const data = Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
  return { dims: (tensor.dims ?? []).map(Number), data };
};

/** The numbers of a constant. @throws Error when there is no such constant */
export const floatsOf = (graph: Graph, name: string): Float32Array => constantOf(graph, name).data;
