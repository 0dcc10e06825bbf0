import { unpickle } from "./unpickle.ts";

/** A named array of a checkpoint, row-major. */
export type WeightTensor = { readonly dims: readonly number[]; readonly data: Float32Array };
/** A checkpoint's float arrays by name. */
export type StateDict = ReadonlyMap<string, WeightTensor>;

/** What opens a checkpoint of PyTorch before 1.6, and the protocol number after it (torch/serialization.py). */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

type Storage = { readonly bytesEach: number; readonly key: string };
type Tensor = {
  readonly storage: Storage;
  readonly offset: number;
  readonly dims: readonly number[];
  readonly strides: readonly number[];
};

const fail = (reason: string): never => {
  throw new Error(`not a checkpoint that this project reads: ${reason}`);
};

const numbers = (value: unknown): number[] =>
  Array.isArray(value) && value.every((item) => Number.isSafeInteger(item))
    ? value
    : fail("a shape is no list of integers");

/** Reads the pickles of the header: magic, protocol, system, state dict, storage keys. */
const readHeader = (data: Buffer) => {
  const storages = new Set<unknown>();
  const tensors = new Set<unknown>();
  const floatStorage = (): number => 4;
  const longStorage = (): number => 8;
  const allowed = {
    functions: {
      "collections OrderedDict": (): unknown => new Map(),
      "torch FloatStorage": floatStorage,
      "torch LongStorage": longStorage,
      "torch._utils _rebuild_tensor_v2": (...args: unknown[]) => {
        const [storage, offset, dims, strides] = args;
        if (!storages.has(storage)) fail("a tensor without a storage");
        const shape = { dims: numbers(dims), strides: numbers(strides) };
        const tensor = { storage, offset: numbers([offset])[0], ...shape };
        tensors.add(tensor);
        return tensor;
      },
    },
    // ("storage", type, key, device, element count, view)
    resolve: (reference: unknown): unknown => {
      const [tag, type, key] = Array.isArray(reference) ? reference : [];
      if (tag !== "storage" || (type !== floatStorage && type !== longStorage)) {
        fail("an unknown reference");
      }
      const storage: Storage = { bytesEach: type(), key: String(key) };
      storages.add(storage);
      return storage;
    },
  };
  let end = 0;
  const next = (): unknown => {
    const part = unpickle(data, end, allowed);
    end = part.end;
    return part.value;
  };
  if (next() !== MAGIC || next() !== PROTOCOL) fail("it does not begin like one");
  next();
  const dictionary = next();
  const keys = next();
  if (!(dictionary instanceof Map) || !Array.isArray(keys)) return fail("no state dict inside");
  const isTensor = (value: unknown): value is Tensor => tensors.has(value);
  return { dictionary: dictionary as Map<unknown, unknown>, keys, end, isTensor };
};

/**
 * Where each element lies in its storage, in row-major order. Weights that were converted from TensorFlow keep its
 * order in the storage and say so by their strides.
 */
const elementOffsets = (dims: readonly number[], strides: readonly number[]): number[] =>
  dims.reduce<number[]>(
    (offsets, side, axis) =>
      offsets.flatMap((offset) =>
        Array.from({ length: side }, (_, i) => offset + i * (strides[axis] ?? 0)),
      ),
    [0],
  );

/**
 * Reads a state dict that PyTorch saved in its format before 1.6: five pickles, then the raw numbers of each storage
 * behind its element count. Integer arrays (BatchNorm's step counters) are left out.
 *
 * @throws Error when the bytes are anything else
 */
export const readStateDict = (data: Buffer): StateDict => {
  const { dictionary, keys, end, isTensor } = readHeader(data);
  const tensors = [...dictionary].map(([name, tensor]) =>
    isTensor(tensor) ? { name: String(name), ...tensor } : fail(`${name} is no tensor`),
  );
  const bytesEach = new Map(tensors.map(({ storage }) => [storage.key, storage.bytesEach]));
  const start = new Map<string, number>();
  let at = end;
  for (const key of keys) {
    if (at + 8 > data.length) fail("it ends early");
    start.set(String(key), at + 8);
    at +=
      8 + Number(data.readBigInt64LE(at)) * (bytesEach.get(String(key)) ?? fail("a stray storage"));
  }
  if (at !== data.length) fail("its length differs from what it declares");

  const state = new Map<string, WeightTensor>();
  for (const { name, storage, offset, dims, strides } of tensors) {
    if (storage.bytesEach !== 4) continue;
    const from = (start.get(storage.key) ?? fail(`no numbers for ${name}`)) + offset * 4;
    const values = Float32Array.from(elementOffsets(dims, strides), (element) =>
      data.readFloatLE(from + element * 4),
    );
    state.set(name, { dims, data: values });
  }
  return state;
};
