import { describe, expect, it, vi } from "vitest";
import { askAbout, retryAfterSeconds } from "./outcome.js";

const prediction = {
  label: "cat",
  probability: 0.9,
  probabilities: { cat: 0.9, dog: 0.1 },
  model: { name: "m", version: "1", digest: "sha256:1" },
};
const { signal } = new AbortController();
const photo = new Blob(["bytes"], { type: "image/png" });

const answering = (body: BodyInit, status = 200, headers: Record<string, string> = {}) =>
  vi.fn<typeof fetch>(async () => new Response(body, { status, headers }));
const ask = (request: typeof fetch, blob: Blob = photo) =>
  askAbout(blob, signal, { maxBytes: 10, request });

describe("askAbout", () => {
  it("sends the photo as it is, and gives the prediction with its time", async () => {
    const request = answering(JSON.stringify(prediction));
    expect(await ask(request)).toEqual({
      kind: "answered",
      prediction,
      milliseconds: expect.any(Number),
    });
    const [path, sent] = request.mock.calls[0] ?? [];
    expect(path).toBe("/predict");
    expect(sent).toMatchObject({
      method: "POST",
      body: photo,
      headers: { "content-type": "image/png" },
    });
  });

  it("lets the service find out the type of a file that the browser does not know", async () => {
    const request = answering(JSON.stringify(prediction));
    await ask(request, new Blob(["bytes"]));
    expect(request.mock.calls[0]?.[1]?.headers).toEqual({
      "content-type": "application/octet-stream",
    });
  });

  it("gives a problem's title and detail", async () => {
    const problem = JSON.stringify({ title: "Unprocessable image", detail: "Broken." });
    expect(await ask(answering(problem, 422))).toEqual({
      kind: "failed",
      title: "Unprocessable image",
      detail: "Broken.",
    });
  });

  it.each(["<h1>Internal error</h1>", "null", '{"title":1}'])(
    "says the status where the answer is no problem: %s",
    async (body) => {
      const outcome = await ask(answering(body, 500));
      expect(outcome).toMatchObject({ kind: "failed", title: "Status 500" });
    },
  );

  it.each([502, 504])("takes a proxy's %i for no answer, and says the status", async (status) => {
    const outcome = await ask(answering("<h1>Bad gateway</h1>", status));
    expect(outcome).toMatchObject({ kind: "unreached", title: `Status ${status}` });
  });

  it("takes the service's own 504 for its answer", async () => {
    const problem = JSON.stringify({ title: "Deadline exceeded", detail: "Too slow." });
    const headers = { "content-type": "application/problem+json; charset=utf-8" };
    expect(await ask(answering(problem, 504, headers))).toEqual({
      kind: "failed",
      title: "Deadline exceeded",
      detail: "Too slow.",
    });
  });

  it.each([429, 503])("hears when to come back from a %i", async (status) => {
    const problem = JSON.stringify({ title: "Too many requests", detail: "Later." });
    expect(await ask(answering(problem, status, { "retry-after": "7" }))).toEqual({
      kind: "busy",
      title: "Too many requests",
      detail: "Later.",
      seconds: 7,
    });
  });

  it("brings a key, and tells a refusal for want of one from other failures", async () => {
    const request = answering(JSON.stringify({ title: "Unauthorized", detail: "No." }), 401);
    expect(await askAbout(photo, signal, { maxBytes: 10, request, key: "icp_1" })).toMatchObject({
      kind: "locked",
      title: "Unknown key",
    });
    expect(request.mock.calls[0]?.[1]?.headers).toMatchObject({ authorization: "Bearer icp_1" });
    expect(await ask(request)).toMatchObject({ kind: "locked", title: "Key needed" });
    expect(request.mock.calls[1]?.[1]?.headers).not.toHaveProperty("authorization");
  });

  it("does not send what is too large", async () => {
    const request = answering("");
    expect(await ask(request, new Blob(["x".repeat(11)]))).toMatchObject({
      kind: "failed",
      title: "Content too large",
    });
    expect(request).not.toHaveBeenCalled();
  });

  it("says when nothing answers, but not when it was told to give up", async () => {
    const controller = new AbortController();
    const request = vi.fn<typeof fetch>().mockRejectedValue(new TypeError("Failed to fetch"));
    const sent = () => askAbout(photo, controller.signal, { maxBytes: 10, request });
    expect(await sent()).toMatchObject({ kind: "unreached", title: "No answer" });
    controller.abort();
    await expect(sent()).rejects.toBe(controller.signal.reason);
  });

  it("says of a folder that it cannot be read, and nothing of the connection", async () => {
    const folder = new Blob();
    folder.slice = () => folder;
    folder.arrayBuffer = () => Promise.reject(new DOMException("", "NotReadableError"));
    const request = vi.fn<typeof fetch>().mockRejectedValue(new TypeError("Failed to fetch"));
    expect(await ask(request, folder)).toEqual({
      kind: "failed",
      title: "The file cannot be read",
      detail: expect.stringContaining("choose the photo again"),
    });
  });
});

describe("retryAfterSeconds", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  it.each([
    ["3", 3],
    ["0", 0],
    ["Thu, 01 Jan 2026 00:00:20 GMT", 20],
    ["Wed, 31 Dec 2025 23:59:00 GMT", 0],
    ["soon", 1],
    ["", 1],
    [null, 1],
  ])("reads %j as %d s", (header, seconds) => {
    expect(retryAfterSeconds(header, now)).toBe(seconds);
  });
});
