import { describe, expect, it } from "vitest";
import { readStateDict } from "./state-dict.ts";

const text = (value: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(value));
  return Buffer.concat([Buffer.from("X"), length, Buffer.from(value)]);
};
const small = (value: number): Buffer => Buffer.from([0x4b, value]);
const tuple = (...items: Buffer[]): Buffer =>
  Buffer.concat([Buffer.from("("), ...items, Buffer.from("t")]);
const global = (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`);
const pickle = (...body: Buffer[]): Buffer =>
  Buffer.concat([Buffer.from([0x80, 2]), ...body, Buffer.from(".")]);

const MAGIC = pickle(Buffer.from("8a0a6cfc9c46f9206aa85019", "hex"));
const PROTOCOL = pickle(Buffer.from("4de903", "hex"));
const EMPTY = pickle(Buffer.from("}"));

const tensor = (type: string, key: string, dims: number[], strides: number[]): Buffer =>
  Buffer.concat([
    global("torch._utils", "_rebuild_tensor_v2"),
    tuple(
      tuple(
        text("storage"),
        global("torch", type),
        text(key),
        text("cpu"),
        small(6),
        Buffer.from("N"),
      ),
      Buffer.from("Q"),
      small(0),
      tuple(...dims.map(small)),
      tuple(...strides.map(small)),
    ),
    Buffer.from("R"),
  ]);

const storage = (count: number, bytes: Buffer): Buffer => {
  const length = Buffer.alloc(8);
  length.writeBigInt64LE(BigInt(count));
  return Buffer.concat([length, bytes]);
};

const checkpoint = (entries: readonly (readonly [string, Buffer])[], keys: string[]): Buffer =>
  Buffer.concat([
    MAGIC,
    PROTOCOL,
    EMPTY,
    pickle(
      global("collections", "OrderedDict"),
      Buffer.from(")R("),
      ...entries.flatMap(([name, value]) => [text(name), value]),
      Buffer.from("u"),
    ),
    pickle(Buffer.from("]("), ...keys.map(text), Buffer.from("e")),
  ]);

const SIX = storage(6, Buffer.from(Float32Array.of(1, 2, 3, 4, 5, 6).buffer));

describe("readStateDict", () => {
  it("reads float arrays in row-major order, whatever the storage's order", () => {
    const file = Buffer.concat([
      checkpoint(
        [
          ["plain", tensor("FloatStorage", "a", [2, 3], [3, 1])],
          ["turned", tensor("FloatStorage", "a", [3, 2], [1, 3])],
          ["steps", tensor("LongStorage", "b", [1], [1])],
        ],
        ["a", "b"],
      ),
      SIX,
      storage(1, Buffer.alloc(8)),
    ]);
    const state = readStateDict(file);
    expect([...state.keys()]).toEqual(["plain", "turned"]);
    expect(state.get("plain")).toEqual({ dims: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) });
    expect(state.get("turned")).toEqual({ dims: [3, 2], data: Float32Array.of(1, 4, 2, 5, 3, 6) });
  });

  const valid = Buffer.concat([
    checkpoint([["w", tensor("FloatStorage", "a", [6], [1])]], ["a"]),
    SIX,
  ]);

  it.each([
    [
      "names a function that is not allowed",
      [["w", Buffer.concat([global("os", "system"), tuple(text("true")), Buffer.from("R")])]],
    ],
    [
      "names a method of every object",
      [["w", Buffer.concat([global("constructor", "x"), tuple(), Buffer.from("R")])]],
    ],
    ["holds something else than arrays", [["w", small(1)]]],
    ["refers to another kind of storage", [["w", tensor("HalfStorage", "a", [6], [1])]]],
  ] as const)("refuses a file that %s", (_, entries) => {
    expect(() => readStateDict(Buffer.concat([checkpoint(entries, ["a"]), SIX]))).toThrow(
      /pickle|checkpoint/,
    );
  });

  it("refuses every file that is cut short or longer than it says", () => {
    expect(readStateDict(valid).size).toBe(1);
    for (let length = 0; length < valid.length; length++) {
      expect(() => readStateDict(valid.subarray(0, length)), `cut at ${length}`).toThrow();
    }
    expect(() => readStateDict(Buffer.concat([valid, Buffer.alloc(1)]))).toThrow(/length/);
  });
});
