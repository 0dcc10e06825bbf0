import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { describe, expect, it, onTestFinished } from "vitest";
import { processAnswerSchema } from "../../service/process/answer-schema.ts";
import { guideMask } from "../../service/process/guided-filter.ts";
import { shrink } from "../../service/process/picture.ts";
import { openSegmenter } from "../../service/process/segmenter.ts";
import { segmenterFile } from "../../training/segmenter/segmenter.ts";
import { backboneModel } from "../fixtures/backbone-model.ts";
import { drawPhoto, type Overlap, overlapOf, type Scene } from "../fixtures/drawn-photos.ts";
import { useModelStore } from "../fixtures/model-store.ts";
import { colourImage } from "../fixtures/models.ts";

const PETS = resolve(import.meta.dirname, "../../../shared/data/pets");
const withoutPets = existsSync(PETS) ? "" : " (skipped: ../shared/data/pets is absent)";
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

  it("finds the foreground with another network, and says when there is none", async () => {
    const { files, ...rest } = await backboneModel();
    const { "segmenter.onnx": segmenter, ...others } = files;
    const { segmenter: _, ...old } = JSON.parse(String(files["model.json"]));
    await store.publish({ ...rest, files: { ...others, "model.json": JSON.stringify(old) } });
    const photo = new Uint8Array(await drawnJpeg(3));
    const ask = async (env: NodeJS.ProcessEnv, steps: string): Promise<Response> => {
      const service = await store.start({ env: { DEADLINE: "60", ...env } });
      await service.serving();
      return fetch(`${service.url}/process?steps=${steps}`, {
        method: "POST",
        body: photo,
        headers: { "content-type": "image/jpeg" },
      });
    };
    const without = await ask({}, "segment");
    expect(without.status).toBe(501);
    expect(await without.text()).toMatch(/older training and finds no foreground; train again/);
    const scratch = await mkdtemp(join(tmpdir(), "segmenter-"));
    onTestFinished(() => rm(scratch, { recursive: true }));
    const path = join(scratch, "u2net.onnx");
    await writeFile(path, segmenter ?? "");
    const answer = await (await ask({ SEGMENTER_MODEL: path }, "segment")).json();
    expect(processAnswerSchema.parse(answer).foreground_share).toBeGreaterThan(0.1);
  });

  it("keeps predictions and /livez going while it works", async () => {
    await store.publish(await backboneModel());
    const service = await store.start({ env: { DEADLINE: "60" } });
    await service.serving();
    const photo = new Uint8Array(await drawnJpeg(2));
    const headers = { "content-type": "image/jpeg" };
    let busy = true;
    const statuses: number[] = [];
    const work = async (): Promise<void> => {
      for (let i = 0; i < 4; i++) {
        const response = await fetch(`${service.url}/process`, {
          ...{ method: "POST", body: photo, headers },
        });
        await response.arrayBuffer();
        statuses.push(response.status);
      }
      busy = false;
    };
    const working = work();
    const red = new Uint8Array(await colourImage("red"));
    let answered = 0;
    while (busy) {
      const before = statuses.length;
      const predicted = await fetch(`${service.url}/predict`, {
        method: "POST",
        body: red,
        headers,
      });
      expect([predicted.status, (await fetch(`${service.url}/livez`)).status]).toEqual([200, 200]);
      // Not in the gap between two photos.
      if (statuses.length === before) answered++;
    }
    await working;
    expect(statuses).toEqual([200, 200, 200, 200]);
    expect(answered, "predictions while one photo was worked on").toBeGreaterThan(0);
  });
});

describe("the foreground", () => {
  const segmentAll = async (scene: Scene): Promise<Overlap> => {
    const { segment, release } = await openSegmenter(await segmenterFile.obtain(), "it", 1);
    try {
      const sum = { iou: 0, falseKeep: 0 };
      for (let i = 0; i < COUNT; i++) {
        const { picture, mask } = drawPhoto(i % 2 ? "dog" : "cat", scene, i);
        const small = await shrink(picture);
        const overlap = overlapOf(guideMask(small, await segment(small))(picture), mask);
        sum.iou += overlap.iou / COUNT;
        sum.falseKeep += overlap.falseKeep / COUNT;
      }
      return sum;
    } finally {
      await release();
    }
  };

  it.each([
    ["before a plain ground", "studio"],
    ["in rooms and meadows, with blurred things behind,", "room"],
  ] as const)("of drawn animals %s is found, and little else kept", async (_, scene) => {
    const { iou, falseKeep } = await segmentAll(scene);
    expect(iou).toBeGreaterThan(0.9);
    expect(falseKeep).toBeLessThan(0.01);
  });

  it.skipIf(withoutPets)(`of photos is tagged by what it is${withoutPets}`, async () => {
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
