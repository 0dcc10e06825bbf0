import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { serveDuringTest } from "../testing/http-server.ts";
import { UserError } from "../user-error.ts";
import { askService, RefusedPictureError } from "./ask-service.ts";

const picture = { id: "cat.1.jpg", bytes: new Uint8Array([1, 2, 3]) };
const ANSWER = {
  label: "cat",
  probability: 0.9,
  probabilities: { cat: 0.9, dog: 0.1 },
  model: { name: "m", version: "1", digest: "sha256:1" },
};

const send = (
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
) => response.writeHead(status, headers).end(JSON.stringify(body));

/** A service that gives these statuses first, and then the answer. */
const service = async (first: readonly number[], headers: Record<string, string> = {}) => {
  const times: number[] = [];
  const base = await serveDuringTest((_, response) => {
    const status = first[times.length];
    times.push(performance.now());
    if (status === undefined) send(response, 200, ANSWER);
    else send(response, status, { detail: `because of ${status}` }, headers);
  });
  return { base, times };
};

describe("askService", () => {
  it("gives the answer with its model and latency", async () => {
    const { base } = await service([]);
    const { latency, ...answer } = await askService(base, picture);
    const { model, ...prediction } = ANSWER;
    expect(answer).toEqual({ ...prediction, digest: model.digest });
    expect(latency).toBeGreaterThan(0);
  });

  it("asks again when the service is busy, after as long as it says; the wait is no latency", async () => {
    const { base, times } = await service([429, 503], { "retry-after": "1" });
    const begun = performance.now();
    const { latency } = await askService(base, picture);
    const all = performance.now() - begun;
    expect(times).toHaveLength(3);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(950);
    expect(latency).toBeLessThan(all - 1900);
  });

  it("gives up on a service that stays busy, in one line with its last word", async () => {
    const { base } = await service(Array(50).fill(429));
    const failure = askService(base, picture, { patience: { busy: 500, silent: 500 } });
    await expect(failure).rejects.toThrow(UserError);
    await expect(failure).rejects.toThrow(
      /no answer for cat\.1\.jpg in 0\.5 s \(last: 429 because/,
    );
  });

  it("tells a picture that cannot be used from a service that fails", async () => {
    const refused = await service([422]);
    await expect(askService(refused.base, picture)).rejects.toThrow(
      new RefusedPictureError("because of 422"),
    );
    const failing = await service([500]);
    await expect(askService(failing.base, picture)).rejects.toThrow(
      /failed on cat\.1\.jpg: 500 because of 500; look at the service's log/,
    );
  });

  it("survives a connection that breaks once", async () => {
    let broken = false;
    const base = await serveDuringTest((request, response) => {
      if (broken) send(response, 200, ANSWER);
      else request.socket.destroy();
      broken = true;
    });
    await expect(askService(base, picture)).resolves.toMatchObject({ label: "cat" });
  });

  it("says in one line that nobody answers", async () => {
    const base = new URL("http://127.0.0.1:9/");
    await expect(
      askService(base, picture, { patience: { busy: 500, silent: 100 } }),
    ).rejects.toThrow(
      /^http:\/\/127\.0\.0\.1:9\/ does not answer \(.+\); is the service up \(make status\)\?$/,
    );
  });

  it("brings the key, and says which variable it is missing in", async () => {
    const base = await serveDuringTest((request, response) => {
      if (request.headers.authorization === "Bearer icp_1") send(response, 200, ANSWER);
      else send(response, 401, { detail: "This path needs a key." });
    });
    await expect(askService(base, picture, { key: "icp_1" })).resolves.toMatchObject({
      label: "cat",
    });
    await expect(askService(base, picture)).rejects.toThrow(
      /wants a key \(401 This path needs a key\.\); set API_KEY/,
    );
  });

  it("notices an address that is another program's", async () => {
    const base = await serveDuringTest((_, response) => {
      response.end("<html>");
    });
    await expect(askService(base, picture)).rejects.toThrow(/gave no prediction/);
  });
});
