/*
 * Adds operations and outputs to an ONNX file without reading it. An ONNX file is one protobuf message, and two encoded
 * messages behind one another are their merger (protobuf's encoding guide, "Last One Wins"): lists are joined. So a
 * file with a small message behind it is the same graph with a few operations, constants and outputs more. Writing that
 * message takes two of protobuf's wire types; a library for it would be as large as all the rest of the service.
 */

/** A graph's additions: the names are those of tensors. */
export type GraphAdditions = {
  readonly nodes: readonly {
    readonly opType: string;
    readonly inputs: readonly string[];
    readonly output: string;
  }[];
  /** Lists of integers. */
  readonly constants: Readonly<Record<string, readonly number[]>>;
  /** Tensors of 32-bit floats that shall be outputs, too. */
  readonly outputs: readonly string[];
};

// Numbers of the fields in onnx.proto.
const MODEL = { graph: 7 };
const GRAPH = { node: 1, initializer: 5, output: 12 };
const NODE = { input: 1, output: 2, name: 3, opType: 4 };
const TENSOR = { dims: 1, dataType: 2, int64Data: 7, name: 8 };
const VALUE = { name: 1, type: 2 };
const TYPE = { tensor: 1 };
const TENSOR_TYPE = { element: 1 };
const FLOAT = 1;
const INT64 = 7;

const varint = (value: number): Buffer => {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Buffer.from(bytes);
};
const integer = (field: number, value: number): Buffer =>
  Buffer.concat([varint(field * 8), varint(value)]);
const nested = (field: number, content: Uint8Array | string): Buffer => {
  const bytes = Buffer.from(content);
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
};

/** The file's graph with operations, constants and outputs added. */
export const addToGraph = (onnx: Uint8Array, additions: GraphAdditions): Uint8Array => {
  const nodes = additions.nodes.map(({ opType, inputs, output }) =>
    nested(
      GRAPH.node,
      Buffer.concat([
        ...inputs.map((input) => nested(NODE.input, input)),
        nested(NODE.output, output),
        nested(NODE.name, output),
        nested(NODE.opType, opType),
      ]),
    ),
  );
  const constants = Object.entries(additions.constants).map(([name, values]) =>
    nested(
      GRAPH.initializer,
      Buffer.concat([
        integer(TENSOR.dims, values.length),
        integer(TENSOR.dataType, INT64),
        ...values.map((value) => integer(TENSOR.int64Data, value)),
        nested(TENSOR.name, name),
      ]),
    ),
  );
  const outputs = additions.outputs.map((name) =>
    nested(
      GRAPH.output,
      Buffer.concat([
        nested(VALUE.name, name),
        nested(VALUE.type, nested(TYPE.tensor, integer(TENSOR_TYPE.element, FLOAT))),
      ]),
    ),
  );
  const graph = Buffer.concat([...nodes, ...constants, ...outputs]);
  return Buffer.concat([onnx, nested(MODEL.graph, graph)]);
};
