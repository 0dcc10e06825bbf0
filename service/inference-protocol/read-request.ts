import { z } from "zod";
import type { ModelMetadata } from "../../model/metadata.ts";
import { DATATYPE, inferenceRequestSchema } from "./schemas.ts";
import { TensorError } from "./tensor-error.ts";

const MAX_REASON = 300;

/** An inference request as it came: JSON, and behind it the bytes of a binary tensor, if any. */
export type InferenceBody = {
  readonly body: Uint8Array<ArrayBuffer>;
  /** Length of the JSON; 0 when all of the body is the tensor. */
  readonly jsonBytes: number;
  /** Photos above which a request is refused. */
  readonly maxBatch: number;
};

/** What the answer must look like. */
export type Asked = {
  readonly id?: string;
  /** Whether the scores are to follow the JSON as bytes. */
  readonly binary: boolean;
};

/** A request that fits the model: its photos' values, row by row (NCHW). */
export type InferenceRequest = { readonly tensor: Float32Array; readonly asked: Asked };

type Header = z.infer<typeof inferenceRequestSchema>;
type Input = Header["inputs"][number];
type Model = Pick<ModelMetadata, "input" | "output">;

const readHeader = (json: Uint8Array): Header => {
  try {
    return inferenceRequestSchema.parse(
      JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json)),
    );
  } catch (error) {
    const reason =
      error instanceof z.ZodError
        ? z.prettifyError(error).replaceAll(/\s+/g, " ")
        : (error as Error).message;
    throw new TensorError(
      `The body is no inference request: ${reason.slice(0, MAX_REASON)}; see GET /docs.`,
      { cause: error },
    );
  }
};

const checkRows = (rows: number, maxBatch: number): void => {
  if (rows >= 1 && rows <= maxBatch) return;
  throw new TensorError(`The batch has ${rows} photos; send 1 to ${maxBatch}.`);
};

/** Reads little-endian floats. A copy: a tensor must begin at a multiple of 4 bytes, which the end of JSON seldom is. */
const readBinary = (bytes: Uint8Array): Float32Array => {
  const tensor = new Float32Array(bytes.byteLength / 4);
  new Uint8Array(tensor.buffer).set(bytes);
  return tensor;
};

/** Reads rows of numbers, nested no deeper than the shape is long. */
const readNumbers = (name: string, data: unknown, size: number, depth: number): Float32Array => {
  const wrong = (what: string): TensorError =>
    new TensorError(`The data of "${name}" ${what}; its shape wants ${size} numbers.`);
  const tensor = new Float32Array(size);
  let count = 0;
  const read = (value: unknown, left: number): void => {
    if (Array.isArray(value) && left > 0) {
      for (const item of value) read(item, left - 1);
    } else if (typeof value !== "number") {
      throw wrong("holds something else than numbers in nested or flat arrays");
    } else {
      if (count === size) throw wrong("holds more numbers");
      tensor[count++] = value;
    }
  };
  if (!Array.isArray(data)) throw wrong("is no array");
  read(data, depth);
  if (count < size) throw wrong(`holds ${count} numbers`);
  return tensor;
};

const readTensor = (
  input: Input,
  model: Model,
  binary: Uint8Array,
  maxBatch: number,
): Float32Array => {
  const { name, shape, datatype, parameters, data } = input;
  const wanted = model.input.shape.slice(1);
  if (datatype !== DATATYPE || shape.slice(1).join() !== wanted.join() || shape.length < 2) {
    throw new TensorError(
      `"${name}" is ${datatype} [${shape}]; the model takes ${DATATYPE} [-1,${wanted}].`,
    );
  }
  checkRows(shape[0] ?? 0, maxBatch);
  const size = shape.reduce((product, side) => product * side, 1);
  const declared = parameters?.binary_data_size;
  if (declared === undefined) {
    if (binary.length > 0) {
      throw new TensorError(
        `${binary.length} bytes follow the JSON, but no input has binary_data_size.`,
      );
    }
    return readNumbers(name, data, size, shape.length);
  }
  if (data !== undefined)
    throw new TensorError(`"${name}" has data and binary_data_size; send one.`);
  if (declared !== 4 * size || binary.length !== declared) {
    throw new TensorError(
      `"${name}" wants ${4 * size} bytes behind the JSON; binary_data_size is ${declared}, and ${binary.length} came.`,
    );
  }
  return readBinary(binary);
};

const readAsked = ({ id, parameters, outputs = [] }: Header, model: Model): Asked => {
  const { name } = model.output;
  const [output] = outputs;
  if (outputs.length > 1 || (output && output.name !== name)) {
    throw new TensorError(
      `The outputs asked for are ${outputs.map((o) => `"${o.name}"`)}; the model has "${name}".`,
    );
  }
  for (const unsupported of ["classification", "shared_memory_region"]) {
    if (output?.parameters?.[unsupported] === undefined) continue;
    throw new TensorError(`This service does not offer the output parameter ${unsupported}.`);
  }
  const binary = output?.parameters?.binary_data ?? parameters?.binary_data_output ?? false;
  return { ...(id !== undefined && { id }), binary };
};

/**
 * Reads an inference request for a model, and checks all of it.
 *
 * @throws TensorError and nothing else
 */
export const readInferenceRequest = (
  { body, jsonBytes, maxBatch }: InferenceBody,
  model: Model,
): InferenceRequest => {
  if (jsonBytes === 0) {
    // Triton's raw request: the tensor alone, its number of photos by its length, and bytes come back.
    const photo = 4 * model.input.shape.slice(1).reduce<number>((n, side) => n * (side ?? 1), 1);
    if (body.length % photo !== 0) {
      throw new TensorError(`The body has ${body.length} bytes; a photo has ${photo}.`);
    }
    checkRows(body.length / photo, maxBatch);
    return { tensor: readBinary(body), asked: { binary: true } };
  }
  const header = readHeader(body.subarray(0, jsonBytes));
  const [input] = header.inputs;
  if (!input || header.inputs.length > 1 || input.name !== model.input.name) {
    const given = header.inputs.map(({ name }) => `"${name}"`);
    throw new TensorError(`The inputs are ${given}; the model takes "${model.input.name}".`);
  }
  const asked = readAsked(header, model);
  return { tensor: readTensor(input, model, body.subarray(jsonBytes), maxBatch), asked };
};
