import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { publishModel } from "../../model/store.ts";
import { colourImage, stubModel } from "../fixtures/models.ts";
import { type ServiceProcess, startServiceProcess } from "../fixtures/service-process.ts";

let store: string;
let service: ServiceProcess;

beforeAll(async () => {
  store = await mkdtemp(join(tmpdir(), "service-"));
  const model = await stubModel();
  await publishModel(store, model.files, model.digest);
  service = await startServiceProcess({ model: store });
  await service.serving(model.digest);
});
afterAll(async () => {
  await service.stop();
  await rm(store, { recursive: true });
});

const post = (body: Uint8Array | FormData | ReadableStream, type?: string) =>
  fetch(`${service.url}/predict`, {
    method: "POST",
    body: body as never,
    headers: type ? { "content-type": type } : {},
    ...(body instanceof ReadableStream && { duplex: "half" as const }),
  });
const form = (...parts: readonly (readonly [string, Uint8Array])[]): FormData => {
  const data = new FormData();
  for (const [name, bytes] of parts) data.append(name, new Blob([new Uint8Array(bytes)]), "x.jpg");
  return data;
};

type Picture = { readonly label: string; readonly probabilities: Record<string, number> };
const labelOf = async (image: Uint8Array): Promise<string> => {
  const response = await post(image, "application/octet-stream");
  expect(response.status, await response.clone().text()).toBe(200);
  return ((await response.json()) as Picture).label;
};
const expectProblem = async (response: Response, status: number, code: string) => {
  const text = await response.text();
  expect(response.status, text).toBe(status);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(JSON.parse(text)).toMatchObject({
    status,
    type: `urn:image-classification:problem:${code}`,
    requestId: response.headers.get("x-request-id"),
  });
};
describe("good images", () => {
  it.each(["jpeg", "png", "webp"] as const)("answers for %s, raw and in a form", async (format) => {
    const red = await colourImage("red", format);
    for (const response of [await post(red, `image/${format}`), await post(form(["image", red]))]) {
      expect(response.status).toBe(200);
      const answer = (await response.json()) as Picture & { probability: number };
      expect(answer.label).toBe("cat");
      expect(answer.probability).toBeGreaterThan(0.99);
      expect(answer.probabilities["cat"]).toBe(answer.probability);
    }
    expect(await labelOf(await colourImage("blue", format))).toBe("dog");
  });

  it("believes the bytes, not the Content-Type", async () => {
    const response = await post(await colourImage("blue", "png"), "image/jpeg");
    expect(((await response.json()) as Picture).label).toBe("dog");
  });

  it("answers without a Content-Length", async () => {
    const red = await colourImage("red");
    const body = new ReadableStream({
      start(controller) {
        for (let i = 0; i < red.length; i += 500) controller.enqueue(red.subarray(i, i + 500));
        controller.close();
      },
    });
    const response = await post(body, "image/jpeg");
    expect(((await response.json()) as Picture).label).toBe("cat");
  });

  it("obeys the EXIF orientation", async () => {
    const blueBelow = await sharp(await colourImage("red", "png"))
      .composite([{ input: await colourImage("blue", "png"), left: 0, top: 120 }])
      .jpeg()
      .toBuffer();
    expect(await labelOf(blueBelow)).toBe("cat");
    const upsideDown = await sharp(blueBelow).withMetadata({ orientation: 3 }).toBuffer();
    expect(await labelOf(upsideDown)).toBe("dog");
  });

  it("reads CMYK, 16 bit, grey, alpha and tiny images", async () => {
    const red = { create: { width: 300, height: 300, channels: 3, background: "red" } } as const;
    const cmyk = await sharp(red).toColourspace("cmyk").jpeg().toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe("cmyk");
    expect(await labelOf(cmyk)).toBe("cat");
    const deep = await sharp(red).toColourspace("rgb16").png().toBuffer();
    expect((await sharp(deep).metadata()).depth).toBe("ushort");
    expect(await labelOf(deep)).toBe("cat");
    await labelOf(await sharp(red).greyscale().toColourspace("b-w").jpeg().toBuffer());
    const faint = { r: 0, g: 0, b: 255, alpha: 0.5 };
    const alpha = { create: { width: 300, height: 300, channels: 4, background: faint } } as const;
    expect(await labelOf(await sharp(alpha).png().toBuffer())).toBe("dog");
    expect(await labelOf(await sharp(red).resize(1, 1).png().toBuffer())).toBe("cat");
  });
});

/** A JPEG of a few kilobytes whose header claims a size of its own. */
const claimSize = async (width: number, height: number): Promise<Buffer> => {
  const jpeg = await colourImage("red");
  const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
  jpeg.writeUInt16BE(height, frame + 5);
  jpeg.writeUInt16BE(width, frame + 7);
  return jpeg;
};

describe("bad images", () => {
  const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>';
  it.each([
    ["an empty body", 400, "empty", async () => Buffer.alloc(0)],
    ["text", 415, "unsupported-type", async () => Buffer.from("not an image")],
    ["SVG", 415, "unsupported-type", async () => Buffer.from(SVG)],
    [
      "GIF",
      415,
      "unsupported-type",
      async () =>
        sharp(await colourImage("red"))
          .gif()
          .toBuffer(),
    ],
    [
      "a truncated JPEG",
      422,
      "undecodable",
      async () => (await colourImage("red")).subarray(0, 600),
    ],
    [
      "a truncated PNG",
      422,
      "undecodable",
      async () => (await colourImage("red", "png")).subarray(0, 200),
    ],
    ["a JPEG's first bytes", 422, "undecodable", async () => Buffer.from([0xff, 0xd8, 0xff])],
    ["64250 × 64250 in a few kB", 422, "too-many-pixels", () => claimSize(64250, 64250)],
    [
      "an animated WebP",
      422,
      "animated",
      async () => {
        const frames = [await colourImage("red", "png"), await colourImage("blue", "png")];
        return sharp(frames, { join: { animated: true } })
          .webp()
          .toBuffer();
      },
    ],
  ])("refuses %s with %i %s, raw and in a form", async (_, status, code, make) => {
    const image = await make();
    await expectProblem(await post(image, "application/octet-stream"), status, code);
    await expectProblem(await post(form(["image", image])), status, code);
  });

  it("refuses bad forms", async () => {
    const red = await colourImage("red");
    await expectProblem(await post(form()), 400, "missing-part");
    await expectProblem(await post(form(["file", red])), 400, "wrong-field");
    await expectProblem(await post(form(["image", red], ["image", red])), 400, "too-many-parts");
    const torn = await post(Buffer.from("--x\r\nnonsense"), "multipart/form-data; boundary=x");
    await expectProblem(torn, 400, "malformed-multipart");
  });

  it("refuses types that hold no image", async () => {
    const red = await colourImage("red");
    await expectProblem(await post(red, "text/plain"), 415, "unsupported-type");
    await expectProblem(await post(red, "image/svg+xml"), 415, "unsupported-type");
  });

  it("stops reading an oversize body, with and without a Content-Length", async () => {
    const large = Buffer.alloc(11 * 2 ** 20);
    await expectProblem(await post(large, "image/jpeg"), 413, "body-too-large");
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sent += 1;
        // Ends by itself far above the limit, so that the test ends when the service does not.
        if (sent > 4000) controller.close();
        else controller.enqueue(Buffer.alloc(64 * 1024));
      },
    });
    await expectProblem(await post(endless, "image/jpeg"), 413, "body-too-large");
    expect(sent).toBeLessThan(2000);
  });

  it("gives up a body that stops arriving", async () => {
    const impatient = await startServiceProcess({ model: store, env: { BODY_TIMEOUT: "1" } });
    await impatient.serving();
    const socket = connect(Number(new URL(impatient.url).port), "127.0.0.1");
    socket.write(
      "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/jpeg\r\ncontent-length: 999\r\n\r\nabc",
    );
    let answer = "";
    for await (const chunk of socket) answer += chunk;
    await impatient.stop();
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect(answer).toContain("application/problem+json");
  });

  it("answers as before after all of this, without a crash", async () => {
    expect(await labelOf(await colourImage("red"))).toBe("cat");
    expect((await fetch(`${service.url}/health`)).status).toBe(200);
    const metrics = await (await fetch(`${service.metricsUrl}/metrics`)).text();
    expect(metrics).toContain('worker_faults_total{fault="worker-crashed"} 0');
    expect(metrics).toContain('inference_failures_total{reason="backend"} 0');
    expect((await fetch(`${service.url}/metrics`)).status).toBe(200);
    expect((await fetch(`${service.metricsUrl}/predict`)).status).toBe(404);
  });
});
