import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ROUTES } from "../app.ts";
import { readInferenceRequest } from "./read-request.ts";
import { TensorError } from "./tensor-error.ts";

const model = {
  input: { name: "in", shape: [null, 1, 2, 2] },
  output: { name: "out", shape: [null, 2] },
} as const satisfies Parameters<typeof readInferenceRequest>[1];
const VALUES = [1, 2, 3, 4];

const read = (json: string, tensor: Uint8Array = new Uint8Array(), maxBatch = 2) => {
  const text = Buffer.from(json);
  const body = new Uint8Array(Buffer.concat([text, tensor]));
  return readInferenceRequest({ body, jsonBytes: text.length, maxBatch }, model as never);
};
const bytes = (values: readonly number[]) => new Uint8Array(Float32Array.from(values).buffer);
const input = (more: object) => ({ name: "in", datatype: "FP32", shape: [1, 1, 2, 2], ...more });
const request = (more: object, rest: object = {}) =>
  JSON.stringify({ inputs: [input(more)], ...rest });
const values = (result: ReturnType<typeof read>) => [...result.tensor];

describe("readInferenceRequest", () => {
  it("reads numbers, flat and nested, and bytes behind JSON of any length", () => {
    expect(values(read(request({ data: VALUES })))).toEqual(VALUES);
    expect(
      values(
        read(
          request({
            data: [
              [
                [
                  [1, 2],
                  [3, 4],
                ],
              ],
            ],
          }),
        ),
      ),
    ).toEqual(VALUES);
    for (const id of ["", "a", "ab", "abc"]) {
      const json = request({ parameters: { binary_data_size: 16 } }, { id });
      expect(values(read(json, bytes(VALUES)))).toEqual(VALUES);
      expect(read(json, bytes(VALUES)).asked.id).toBe(id);
    }
  });

  it("reads a batch, and a tensor alone by its length", () => {
    const two = [...VALUES, ...VALUES];
    expect(values(read(request({ shape: [2, 1, 2, 2], data: two })))).toEqual(two);
    const alone = { body: bytes(two), jsonBytes: 0, maxBatch: 2 };
    expect(readInferenceRequest(alone, model as never)).toEqual({
      tensor: Float32Array.from(two),
      asked: { binary: true },
    });
  });

  it.each([
    [{}, false],
    [{ outputs: [] }, false],
    [{ outputs: [{ name: "out" }] }, false],
    [{ outputs: [{ name: "out", parameters: { binary_data: true } }] }, true],
    [{ parameters: { binary_data_output: true } }, true],
    [{ parameters: { binary_data_output: true, timeout: 5, strange: "x" } }, true],
    [
      {
        parameters: { binary_data_output: true },
        outputs: [{ name: "out", parameters: { binary_data: false } }],
      },
      false,
    ],
  ])("knows in which form the scores are wanted: %j", (rest, binary) => {
    expect(read(request({ data: VALUES }, rest)).asked.binary).toBe(binary);
  });

  it.each([
    ["no JSON", "{", /no inference request/],
    ["not UTF-8", "\ufffd\u0000", /no inference request/],
    ["no object", "7", /no inference request/],
    ["no inputs", "{}", /no inference request: .*inputs/],
    ["no input at all", '{"inputs":[]}', /The inputs are ; the model takes "in"/],
    ["another input", request({ name: "x", data: VALUES }), /inputs are "x"/],
    ["two inputs", JSON.stringify({ inputs: [input({}), input({})] }), /inputs are "in","in"/],
    ["another type", request({ datatype: "INT8", data: VALUES }), /"in" is INT8/],
    ["another shape", request({ shape: [1, 4], data: VALUES }), /FP32 \[1,4\]; .*\[-1,1,2,2\]/],
    ["no shape", request({ shape: [], data: VALUES }), /FP32 \[\]/],
    ["nothing in it", request({ shape: [0, 1, 2, 2], data: [] }), /0 photos; send 1 to 2/],
    ["too many", request({ shape: [3, 1, 2, 2], data: [] }), /3 photos; send 1 to 2/],
    ["very many", request({ shape: [2 ** 40, 1, 2, 2], data: [] }), /send 1 to 2/],
    ["no data", request({}), /is no array/],
    ["few data", request({ data: [1] }), /holds 1 numbers; its shape wants 4/],
    ["more data", request({ data: [...VALUES, 5] }), /holds more/],
    ["texts", request({ data: ["1", "2", "3", "4"] }), /something else than numbers/],
    ["null", request({ data: [1, 2, 3, null] }), /something else than numbers/],
    ["too deep", request({ data: [[[[[1, 2, 3, 4]]]]] }), /something else than numbers/],
    ["both forms", request({ data: VALUES, parameters: { binary_data_size: 16 } }), /send one/],
    ["bytes that are not there", request({ parameters: { binary_data_size: 16 } }), /0 came/],
    ["another size", request({ parameters: { binary_data_size: 12 } }), /wants 16 bytes/],
    ["another output", request({ data: VALUES }, { outputs: [{ name: "x" }] }), /model has "out"/],
    [
      "classes",
      request({ data: VALUES }, { outputs: [{ name: "out", parameters: { classification: 1 } }] }),
      /does not offer/,
    ],
    ["an id that is none", request({ data: VALUES }, { id: 5 }), /no inference request: .*id/],
  ])("refuses %s in one line", (_, json, message) => {
    expect(() => read(json)).toThrow(TensorError);
    expect(() => read(json)).toThrow(message);
    expect(() => read(json)).toThrow(/^[^\n]{1,400}$/);
  });

  it("sends those who do not know the form of a request to a route that is there", () => {
    const routes = Object.keys(ROUTES).join("|");
    expect(() => read("{")).toThrow(new RegExp(`; see GET (${routes})\\.$`));
  });

  it("refuses bytes that nobody announced", () => {
    expect(() => read(request({ data: VALUES }), bytes([1]))).toThrow(/4 bytes follow the JSON/);
  });

  it("throws nothing else, whatever comes", () => {
    const json = fc.oneof(
      fc.json(),
      fc
        .record(
          {
            inputs: fc.array(
              fc.record(
                {
                  name: fc.constant("in"),
                  shape: fc.constant([1, 1, 2, 2]),
                  datatype: fc.constant("FP32"),
                  data: fc.jsonValue(),
                  parameters: fc.jsonValue(),
                },
                { requiredKeys: ["name"] },
              ),
            ),
            outputs: fc.jsonValue(),
          },
          { requiredKeys: ["inputs"] },
        )
        .map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(json, fc.uint8Array(), fc.nat(64), (text, tail, cut) => {
        const body = new Uint8Array(Buffer.concat([Buffer.from(text), tail]));
        const jsonBytes = Math.min(cut < 8 ? cut : Buffer.byteLength(text), body.length);
        try {
          readInferenceRequest({ body, jsonBytes, maxBatch: 2 }, model as never);
        } catch (error) {
          expect(error).toBeInstanceOf(TensorError);
        }
      }),
    );
  });
});
