import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import sharp from "sharp";
import type { ModelMetadata } from "../../model/metadata.ts";
import { createPacker, decodePixels } from "../../model/preprocessing.ts";
import { createRandom } from "../../training/random.ts";
import { jobOf, sendBatch } from "../fixtures/batches.ts";
import { drawSeeds, mutatedUpload } from "../fuzz/mutate.ts";
import { FORM_TYPE, formBody, ownBytes, predictRequest } from "./upload-bodies.ts";

/**
 * What came of a request: an answer as it should be; one that asks to come again (429, 503, 504); any other. What has no
 * answer at all rejects.
 */
export type Outcome = "good" | { readonly refused: string } | { readonly wrong: string };

/** A kind of request, and how clients make it: one after the other, with pauses between. */
export type Activity = {
  readonly name: string;
  readonly clients: number;
  /** Mean of the pauses, which are spread as those between strangers (exponentially); milliseconds. */
  readonly pauseMs: number;
  /** @param count how many there were before */
  readonly ask: (count: number) => Promise<Outcome>;
};

export type SoakTarget = {
  readonly url: string;
  readonly model: ModelMetadata;
  readonly photos: readonly Buffer[];
};

const BATCH = 10;
const BATCH_LIMIT_MS = 60_000;
const POLL_MS = 200;
const COME_AGAIN: ReadonlySet<number> = new Set([429, 503, 504]);
/** What a body may be told that is no picture. */
const BAD_BODY: readonly number[] = [200, 400, 413, 415, 422];
const PAGES = ["/", "/health", "/metrics", "/openapi.json", "/docs", "/status", "/v2"];

const judge = async (response: Response, expected: readonly number[]): Promise<Outcome> => {
  const body = await response.text();
  if (expected.includes(response.status)) return "good";
  const answer = `${response.status} ${body.slice(0, 200)}`;
  return COME_AGAIN.has(response.status) ? { refused: answer } : { wrong: answer };
};

/** Each of a list in turn. */
const inTurn =
  <T>(list: readonly T[]) =>
  (index: number): T => {
    const item = list[index % list.length];
    if (item === undefined) throw new Error("there are no photos to ask with");
    return item;
  };

/** A photo of another size, as JPEG. */
const enlarge = (photo: Buffer, width: number, height: number): Promise<Buffer> =>
  sharp(photo).resize(width, height, { fit: "cover" }).jpeg({ quality: 88 }).toBuffer();

/** Sends a request, or half of it, and goes away. */
const hangUp = (url: string, bytes: Buffer, afterMs: number): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.once("error", reject);
    socket.once("connect", () => {
      // Gone already: what the service does with the connection now is its own affair.
      socket.off("error", reject).on("error", () => undefined);
      socket.write(bytes);
      setTimeout(() => {
        socket.destroy();
        resolve("good");
      }, afterMs);
    });
  });

/** A batch from its photos to its last result; half of them are deleted then. */
const batch = async (
  target: SoakTarget,
  photos: readonly Buffer[],
  count: number,
): Promise<Outcome> => {
  const response = await sendBatch(target, photos.map(ownBytes));
  if (response.status !== 202) return judge(response, []);
  const { job_id: id } = (await response.json()) as { job_id: string };
  const begun = performance.now();
  let job = await jobOf(target, id);
  while (job.finished === null) {
    if (performance.now() - begun > BATCH_LIMIT_MS) return { wrong: `${job.status} for a minute` };
    await wait(POLL_MS);
    job = await jobOf(target, id);
  }
  if (count % 2 === 0) await fetch(`${target.url}/jobs/${id}`, { method: "DELETE" });
  const complete = job.status === "completed" && job.failed === 0;
  return complete ? "good" : { wrong: `${job.status}, ${job.failed} photos failed` };
};

/** All that is asked of the service in the hour, but for what a model of an older training cannot do. The rates keep a machine with two cores about half busy. */
export const soakActivities = async (target: SoakTarget): Promise<Activity[]> => {
  const { url, model, photos } = target;
  const { preprocessing } = model;
  const few = photos.slice(0, 10);
  const photoAt = inTurn(photos);
  const megapixelAt = inTurn(await Promise.all(few.map((photo) => enlarge(photo, 1152, 896))));
  const squareAt = inTurn(await Promise.all(few.map((photo) => enlarge(photo, 1024, 1024))));
  const pack = createPacker(preprocessing);
  const tensorOf = async (photo: Buffer): Promise<Uint8Array> => {
    const tensor = new Float32Array(3 * preprocessing.inputSize ** 2);
    pack(await decodePixels(photo, preprocessing), tensor, 0);
    return new Uint8Array(tensor.buffer);
  };
  const tensorAt = inTurn(await Promise.all(few.map(tensorOf)));
  const seeds = await drawSeeds();

  const post = async (
    path: string,
    body: Uint8Array,
    headers: Readonly<Record<string, string>>,
    expected: readonly number[] = [200],
  ): Promise<Outcome> =>
    judge(
      await fetch(url + path, { method: "POST", body: new Uint8Array(body), headers }),
      expected,
    );
  const jpeg = { "content-type": "image/jpeg" };
  const explained: Activity = {
    ...{ name: "predict with an explanation", clients: 1, pauseMs: 3000 },
    ask: (count) => post("/predict?explain=1", photoAt(count), jpeg),
  };
  const processed: Activity = {
    ...{ name: "process, JSON and PNG in turn", clients: 1, pauseMs: 6000 },
    ask: (count) => {
      const accept = count % 2 === 0 ? "application/json" : "image/png";
      return post("/process", squareAt(count), { ...jpeg, accept });
    },
  };
  return [
    ...(model.activation ? [explained] : []),
    ...(model.segmenter ? [processed] : []),
    {
      ...{ name: "predict, small photo in a form", clients: 4, pauseMs: 120 },
      ask: (count) => post("/predict", formBody(photoAt(count)), { "content-type": FORM_TYPE }),
    },
    {
      ...{ name: "predict, 1 megapixel, bare", clients: 1, pauseMs: 250 },
      ask: (count) => post("/predict", megapixelAt(count), jpeg),
    },
    {
      ...{ name: "infer (v2), a tensor's bytes", clients: 1, pauseMs: 500 },
      ask: (count) =>
        post(`/v2/models/${model.name}/infer`, tensorAt(count), {
          "content-type": "application/octet-stream",
          "inference-header-content-length": "0",
        }),
    },
    {
      ...{ name: `batch of ${BATCH}`, clients: 1, pauseMs: 12_000 },
      ask: (count) =>
        batch(
          target,
          Array.from({ length: BATCH }, (_, index) => photoAt(BATCH * count + index)),
          count,
        ),
    },
    {
      ...{ name: "predict, a bad body", clients: 1, pauseMs: 400 },
      ask: (count) => {
        const { type, body } = mutatedUpload(createRandom("soak", 0, count), seeds);
        return post("/predict", body, { "content-type": type }, BAD_BODY);
      },
    },
    {
      ...{ name: "predict, hung up in the middle", clients: 1, pauseMs: 700 },
      ask: (count) => {
        const request = predictRequest(photoAt(count));
        // In turn before the body is there, and before the answer is.
        const sent = count % 2 === 0 ? request.subarray(0, request.length / 2) : request;
        return hangUp(url, sent, count % 7);
      },
    },
    {
      ...{ name: "page, metrics and descriptions", clients: 1, pauseMs: 1000 },
      ask: async (count) => {
        const headers = { accept: "text/html, */*;q=0.5" };
        const page = PAGES[count % PAGES.length] ?? "/";
        return judge(await fetch(url + page, { headers }), [200]);
      },
    },
  ];
};
