import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { createExplainer } from "../../model/activation-map.ts";
import { processAnswerSchema } from "../../service/process/answer-schema.ts";
import { gatherEvidence } from "../../service/process/evidence.ts";
import { segmentByEvidence } from "../../service/process/segment.ts";
import { backboneModel } from "../fixtures/backbone-model.ts";
import { drawPhoto, type Overlap, overlapOf, type Scene } from "../fixtures/drawn-photos.ts";
import { useModelStore } from "../fixtures/model-store.ts";
import { colourImage } from "../fixtures/models.ts";

const PETS = resolve(import.meta.dirname, "../../../shared/data/pets");
const COUNT = 24;
const store = useModelStore();

const drawnJpeg = async (index: number): Promise<Buffer> => {
  const { width, height, data } = drawPhoto("dog", "studio", index).picture;
  return sharp(data, { raw: { width, height, channels: 3 } })
    .resize(1024, 1024)
    .jpeg()
    .withExif({ IFD0: { Artist: "somebody" } })
    .toBuffer();
};

describe("POST /process", () => {
  it("finds foreground, quality and tags, and gives the picture without metadata", async () => {
    await store.publish(await backboneModel());
    const service = await store.start({ env: { DEADLINE: "60" } });
    await service.serving();
    const photo = new Uint8Array(await drawnJpeg(1));
    const ask = (query: string, accept: string) =>
      fetch(`${service.url}/process${query}`, {
        method: "POST",
        body: photo,
        headers: { "content-type": "image/jpeg", accept },
      });

    const response = await ask("", "application/json");
    const answer = processAnswerSchema.parse(await response.json());
    expect(answer).toMatchObject({
      ...{ status: "ok", width: 1024, height: 1024, output_url: null },
      steps: ["segment", "qa", "tag"],
      qa: { min_size_ok: true },
    });
    expect(answer.tags.dominant_color).toBeDefined();
    expect(answer.foreground_share).toBeGreaterThan(0.1);
    expect(answer.foreground_share).toBeLessThan(0.6);

    const png = await ask("?steps=segment", "image/png");
    const picture = sharp(await png.arrayBuffer());
    expect(await picture.metadata()).toMatchObject({ format: "png", width: 1024, hasAlpha: true });
    expect((await picture.metadata()).exif).toBeUndefined();
    const alpha = await picture.extractChannel(3).raw().toBuffer();
    expect([alpha[0], alpha[512 * 1024 + 512]]).toEqual([0, 255]);

    const white = sharp(await (await ask("?background=white", "image/png")).arrayBuffer());
    expect((await white.metadata()).hasAlpha).toBe(false);
    expect([...(await white.raw().toBuffer()).subarray(0, 3)]).toEqual([255, 255, 255]);
    expect(await service.stop()).toBe(0);
  });

  it("keeps predictions and /livez going while it works", async () => {
    await store.publish(await backboneModel());
    const service = await store.start({ env: { DEADLINE: "60" } });
    await service.serving();
    const photo = new Uint8Array(await drawnJpeg(2));
    const headers = { "content-type": "image/jpeg" };
    let busy = true;
    const working = fetch(`${service.url}/process`, { method: "POST", body: photo, headers }).then(
      (response) => {
        busy = false;
        return response.status;
      },
    );
    const red = new Uint8Array(await colourImage("red"));
    let answered = 0;
    while (busy) {
      const predicted = await fetch(`${service.url}/predict`, {
        method: "POST",
        body: red,
        headers,
      });
      expect([predicted.status, (await fetch(`${service.url}/livez`)).status]).toEqual([200, 200]);
      if (busy) answered++;
    }
    expect(await working).toBe(200);
    expect(answered, "predictions before the photo was done").toBeGreaterThan(0);
  });
});

describe("the foreground", () => {
  const segmentAll = async (scene: Scene): Promise<Overlap> => {
    const { metadata, files } = await backboneModel();
    const onnx = files["model.onnx"] as Uint8Array;
    const explainer = await createExplainer({ metadata, onnx }, 1);
    try {
      const sum = { iou: 0, falseKeep: 0 };
      for (let i = 0; i < COUNT; i++) {
        const { picture, mask } = drawPhoto(i % 2 ? "dog" : "cat", scene, i);
        const found = await segmentByEvidence(picture, () =>
          gatherEvidence(picture, { explainer, readOut: undefined }),
        );
        const overlap = overlapOf(found, mask);
        sum.iou += overlap.iou / COUNT;
        sum.falseKeep += overlap.falseKeep / COUNT;
      }
      return sum;
    } finally {
      await explainer.release();
    }
  };

  it("of drawn animals before a plain ground is found, and little else kept", async () => {
    const { iou, falseKeep } = await segmentAll("studio");
    expect(iou).toBeGreaterThan(0.9);
    expect(falseKeep).toBeLessThan(0.01);
  });

  it("of the same in rooms and meadows, with blurred things behind, is mostly found", async () => {
    const { iou, falseKeep } = await segmentAll("room");
    expect(iou).toBeGreaterThan(0.8);
    expect(falseKeep).toBeLessThan(0.08);
  });

  it.skipIf(!existsSync(PETS))("of photos is tagged by what it is", async () => {
    await store.publish(await backboneModel());
    const service = await store.start({ env: { DEADLINE: "60" } });
    await service.serving();
    let right = 0;
    for (const kind of ["cat", "dog"]) {
      for (const file of (await readdir(`${PETS}/${kind}s`)).sort().slice(0, 10)) {
        const response = await fetch(`${service.url}/process?steps=tag`, {
          method: "POST",
          body: new Uint8Array(await readFile(`${PETS}/${kind}s/${file}`)),
          headers: { "content-type": "image/jpeg" },
        });
        const { tags } = processAnswerSchema.parse(await response.json());
        if (tags.category === kind) right++;
      }
    }
    expect(right).toBeGreaterThanOrEqual(16);
  });
});
