/* A worker without a model: the image's text says what to do. */
import { parentPort } from "node:worker_threads";
import type { WorkerReply, WorkerRequest } from "../messages.ts";

const port = parentPort;
if (!port) throw new Error("runs as a worker thread only");
const reply = (message: WorkerReply): void => port.postMessage(message);
let current = "";
const kept = new Set<string>();
let held: (() => void)[] = [];
const holding = new Set<number>();

port.on("message", (request: WorkerRequest) => {
  if (request.type === "end") process.exit();
  if (request.type === "use") current = request.digest;
  if (request.type === "load") {
    if (request.directory === "crash") process.exit(4);
    if (request.directory === "bad") {
      reply({ type: "refused", code: "corrupt", message: "bad model" });
    } else {
      if (request.keep) kept.add(request.digest);
      const loaded = (): void =>
        reply({ type: "loaded", metadata: { digest: request.digest } as never });
      if (request.directory === "hold") held.push(loaded);
      else loaded();
    }
  }
  if (request.type === "drop") kept.delete(request.digest);
  if (request.type === "infer") {
    const { id, body, jsonBytes, digest = current } = request;
    const label = Buffer.from(body).toString();
    if (label === "misfit") reply({ type: "failed", id, code: "bad-tensor", message: "no" });
    else if (digest !== current && !kept.has(digest)) {
      reply({ type: "failed", id, message: "the model is not loaded" });
    }
    else {
      const predictions = [{ label, probability: 1, probabilities: {} }];
      const times = { decode: 1, queue: 0, infer: 2 };
      const asked = { binary: jsonBytes === 0 };
      reply({ type: "answer", id, answer: { predictions, asked, digest, times } });
    }
  }
  if (request.type === "cancel" && holding.delete(request.id)) {
    reply({ type: "failed", id: request.id, message: "nobody waits" });
  }
  if (request.type !== "predict") return;
  const { id } = request;
  const digest = current;
  const text = Buffer.from(request.image).toString();
  const answer = (): void =>
    reply({
      type: "answer",
      id,
      answer: {
        prediction: { label: text, probability: 1, probabilities: {} },
        digest,
        times: { decode: 1, queue: 0, infer: 2 },
      },
    });
  if (text === "crash") process.exit(3);
  else if (text === "undecodable") reply({ type: "failed", id, code: "undecodable", message: "no" });
  else if (text === "broken") reply({ type: "failed", id, message: "broken" });
  else if (text === "hold") {
    holding.add(id);
    held.push(() => holding.delete(id) && answer());
  }
  else if (text.startsWith("slow")) setImmediate(answer);
  else {
    if (text === "release") {
      for (const release of held) release();
      held = [];
    }
    answer();
  }
});
