/* A worker without networks: the image's text says what to do. */
import { parentPort } from "node:worker_threads";
import type { EndRequest } from "../../worker-pool/end-worker.ts";
import type { PhotoJob, PhotoReply } from "../messages.ts";

const port = parentPort;
if (!port) throw new Error("runs as a worker thread only");
const reply = (message: PhotoReply): void => port.postMessage(message);

port.on("message", (message: PhotoJob | EndRequest) => {
  if ("type" in message) process.exit();
  const { request, model } = message;
  const text = Buffer.from(request.image).toString();
  if (text === "crash") process.exit(3);
  if (text === "hang") return;
  if (text === "undecodable") reply({ type: "failed", message: "no", image: "undecodable" });
  else if (text === "old") reply({ type: "failed", message: "train again", model: "missing" });
  else if (text === "broken") reply({ type: "failed", message: "broken" });
  else {
    const tags = { category: `${text} by ${model.digest}` };
    const size = { width: 1, height: 1 };
    const rest = { qa: {}, foreground_share: null, steps: [] };
    const picture = new Uint8Array([1, 2, 3]);
    reply({ type: "processed", result: { answer: { status: "ok", ...size, tags, ...rest }, picture } });
  }
});
