import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Ask, proveModel, wrongAnswer } from "./golden.ts";

const picture = (file: string, label: string) => ({
  file: `golden/${file}`,
  label,
  probability: 0.9,
});
const answer = (label: string, probability: number) => ({
  label,
  probability,
  probabilities: { [label]: probability },
});

describe("wrongAnswer", () => {
  it.each([0.9, 0.8501, 0.9499])("takes another processor's rounding: %d", (probability) => {
    expect(wrongAnswer(picture("a.jpg", "cat"), answer("cat", probability))).toBeUndefined();
  });

  it.each([
    [answer("dog", 0.9), "dog, expected cat"],
    [answer("cat", 0.84), "probability 0.84, expected 0.9 ± 0.05"],
    [answer("cat", Number.NaN), "probability NaN, expected 0.9 ± 0.05"],
    [{ label: "cat", probability: 0.9, probabilities: {} }, /^probability/],
  ])("names what is wrong with %j", (given, text) => {
    expect(wrongAnswer(picture("a.jpg", "cat"), given)).toMatch(text);
  });
});

describe("proveModel", () => {
  let directory: string;
  const golden = ["a", "b", "c"].map((name, i) => picture(`${name}.jpg`, i < 2 ? "cat" : "dog"));
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "golden-"));
    await mkdir(join(directory, "golden"));
    for (const { file, label } of golden) await writeFile(join(directory, file), label);
  });
  afterAll(() => rm(directory, { recursive: true }));

  /** Answers with what the picture's bytes spell. */
  const honest: Ask = async (bytes) => answer(Buffer.from(bytes).toString(), 0.9);

  it("asks about one picture of each label", async () => {
    const ask = vi.fn(honest);
    await proveModel(directory, { golden }, ask);
    expect(ask).toHaveBeenCalledTimes(2);
    await proveModel(directory, { golden: [] }, ask);
    expect(ask).toHaveBeenCalledTimes(2);
  });

  it("asks about one at a time: a service may have no more than one slot", async () => {
    let asking = 0;
    let most = 0;
    await proveModel(directory, { golden }, async (bytes) => {
      most = Math.max(most, ++asking);
      // Another picture's bytes would be read meanwhile.
      for (const { file } of [...golden, ...golden]) await readFile(join(directory, file));
      asking -= 1;
      return honest(bytes);
    });
    expect(most).toBe(1);
  });

  it("refuses a wrong answer and a picture that is not there", async () => {
    await expect(
      proveModel(directory, { golden }, async () => answer("cat", 0.9)),
    ).rejects.toMatchObject({
      code: "wrong-answer",
      message: expect.stringMatching(/c\.jpg: cat, expected dog/),
    });
    await expect(
      proveModel(directory, { golden: [picture("z.jpg", "cat")] }, honest),
    ).rejects.toMatchObject({ code: "missing" });
  });
});
