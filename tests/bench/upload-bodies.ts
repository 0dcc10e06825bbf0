import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";

const PHOTOS = 200;

/** Photos to ask with: those of a directory of class sub-folders, or drawn ones of the same size. */
export const readPhotos = async (directory: string | undefined): Promise<Buffer[]> => {
  if (directory === undefined) return drawPhotos(PHOTOS);
  const classes = (await readdir(directory)).sort();
  const each = Math.ceil(PHOTOS / classes.length);
  const photos: Promise<Buffer>[] = [];
  for (const name of classes) {
    const files = (await readdir(join(directory, name))).sort().slice(0, each);
    photos.push(...files.map((file) => readFile(join(directory, name, file))));
  }
  return Promise.all(photos);
};

/** Noise around a colour: decodes and compresses about as a photo of 320 × 240 does. */
const drawPhotos = (count: number): Promise<Buffer[]> =>
  Promise.all(
    Array.from({ length: count }, (_, i) =>
      sharp({
        create: {
          width: 320,
          height: 240,
          channels: 3,
          background: "gray",
          noise: { type: "gaussian", mean: 64 + ((i * 37) % 128), sigma: 20 },
        },
      })
        .jpeg({ quality: 85 })
        .toBuffer(),
    ),
  );

/** The photo with other bytes behind its end: what is known by its content is computed again. */
export const ownBytes = (photo: Uint8Array): Buffer =>
  Buffer.concat([photo, Buffer.from(`${Math.random()}`)]);

const BOUNDARY = "benchmark-boundary";
/** Content-Type of `formBody`. */
export const FORM_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;

const formOf = (field: string, images: readonly Uint8Array[]): Buffer =>
  Buffer.concat([
    ...images.flatMap((image, index) => [
      Buffer.from(
        `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${field}"; filename="${index}.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`,
      ),
      image,
      Buffer.from("\r\n"),
    ]),
    Buffer.from(`--${BOUNDARY}--\r\n`),
  ]);

/** A form with one image, as curl sends it. */
export const formBody = (image: Uint8Array): Buffer => formOf("image", [image]);

/** A form with the photos of a batch. */
export const batchBody = (images: readonly Uint8Array[]): Buffer => formOf("files", images);

/** How a server is asked: by a form, or in Base64 in a JSON tensor, as the Open Inference Protocol has photos. */
export type Protocol = "form" | "v2";

/** The name that MLServer's model has in `peers/`. */
const INFER = "/v2/models/classifier/infer";

const tensorBody = (image: Uint8Array): Buffer =>
  Buffer.from(
    JSON.stringify({
      inputs: [
        {
          name: "image",
          datatype: "BYTES",
          shape: [1],
          parameters: { content_type: "base64" },
          data: [Buffer.from(image).toString("base64")],
        },
      ],
    }),
  );

/** A whole request for a prediction, as bytes. */
export const predictRequest = (image: Uint8Array, protocol: Protocol = "form"): Buffer => {
  const [path, type, body] =
    protocol === "form"
      ? ["/predict", FORM_TYPE, formBody(image)]
      : [INFER, "application/json", tensorBody(image)];
  return Buffer.concat([
    Buffer.from(
      `POST ${path} HTTP/1.1\r\nhost: bench\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n`,
    ),
    body,
  ]);
};

/** A whole request that asks whether the server lives, as bytes. */
export const livezRequest = (protocol: Protocol = "form"): Buffer =>
  Buffer.from(
    `GET ${protocol === "form" ? "/livez" : "/v2/health/live"} HTTP/1.1\r\nhost: bench\r\n\r\n`,
  );
