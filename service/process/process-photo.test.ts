import sharp from "sharp";
import { describe, expect, it, vi } from "vitest";
import type { ProcessConfig } from "./config.ts";
import { type ProcessRequest, processPhoto } from "./process-photo.ts";

const SIDE = 512;
const config = {
  mvp: { steps: [], export: false },
  output: { max_side: 1600 },
  qa: {
    min_pixels: 1,
    blur_threshold: 0,
    clutter_max: 1,
    overexposed_max: 1,
    underexposed_max: 1,
    foreground_min: 0.01,
  },
  tag: { category_confidence: 0.5, material_confidence: 0.5 },
  categories: { shoe: [1], bag: [0] },
  materials: {},
} satisfies ProcessConfig;

/** Red on the left and blue on the right. */
const photo = async (): Promise<Uint8Array<ArrayBuffer>> => {
  const data = Uint8Array.from({ length: 3 * SIDE * SIDE }, (_, i) => {
    const left = Math.floor(i / 3) % SIDE < SIDE / 2;
    return i % 3 === (left ? 0 : 2) ? 220 : 10;
  });
  const raw = { width: SIDE, height: SIDE, channels: 3 } as const;
  return new Uint8Array(await sharp(data, { raw }).png().toBuffer());
};
const skills = () => ({
  config,
  classify: vi.fn(async () => Float32Array.of(0.1, 0.9)),
  // The left half.
  segment: vi.fn(async () => ({ width: 4, height: 1, data: Float32Array.of(1, 1, 0, 0) })),
});
const ask = async (steps: ProcessRequest["steps"], { picture = false, given = skills() } = {}) => {
  const image = await photo();
  return processPhoto({ image, steps, background: "transparent", picture }, given);
};

describe("processPhoto", () => {
  it("judges quality and colour by the foreground, which it looks for once", async () => {
    const given = skills();
    const { answer, picture } = await ask(["segment", "qa", "tag"], { given });
    expect(answer).toMatchObject({ status: "ok", width: SIDE, height: SIDE });
    expect(answer.foreground_share).toBeCloseTo(0.5, 2);
    expect(answer.tags).toEqual({
      ...{ category: "shoe", category_confidence: expect.closeTo(0.9) },
      ...{ dominant_color: "red", dominant_color_share: 1 },
    });
    expect(answer.qa).toMatchObject({ min_size_ok: true, sharpness: "sharp", issues: [] });
    expect(picture).toBeUndefined();
    expect(given.segment).toHaveBeenCalledTimes(1);
    expect(given.classify).toHaveBeenCalledTimes(1);
  });

  it("says that it found no foreground, and has a colour all the same", async () => {
    const nothing = { width: 4, height: 1, data: Float32Array.of(0, 0, 0, 0) };
    const given = { ...skills(), segment: vi.fn(async () => nothing) };
    const { answer } = await ask(["segment", "qa", "tag"], { given });
    expect(answer.foreground_share).toBe(0);
    expect(answer.qa.issues).toEqual([{ code: "NO_FOREGROUND", measured: 0, limit: 0.01 }]);
    expect(answer.tags.dominant_color).toMatch(/^(red|blue)$/);
  });

  it("cuts the foreground out at full size when the picture is wanted", async () => {
    const { picture } = await ask(["segment"], { picture: true });
    const { data, info } = await sharp(picture).raw().toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: SIDE, height: SIDE, channels: 4 });
    expect([...data.subarray(0, 4)]).toEqual([220, 10, 10, 255]);
    expect([...data.subarray(-4)]).toEqual([0, 0, 0, 0]);
  });

  it("does nothing that was not asked for", async () => {
    const given = skills();
    const { answer } = await ask([], { given });
    expect(answer).toMatchObject({ tags: {}, qa: {}, foreground_share: null });
    expect(given.segment).not.toHaveBeenCalled();
    expect(given.classify).not.toHaveBeenCalled();
  });
});
