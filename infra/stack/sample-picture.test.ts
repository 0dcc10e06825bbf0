import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { UserError } from "../user-error.ts";
import { askService } from "./sample-picture.ts";

/** A service that refuses with these statuses first; what it was asked with, and when. */
const service = async (
  first: readonly number[],
  headers: Readonly<Record<string, string>> = {},
) => {
  const asked: { readonly at: number; readonly key: string | undefined }[] = [];
  const server = createServer((request, response) => {
    const status = first[asked.length];
    asked.push({ at: performance.now(), key: request.headers.authorization });
    request.resume().on("end", () => {
      if (status === undefined) response.end('{"label":"cat"}\n');
      else response.writeHead(status, headers).end(`because of ${status}`);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
};

const picture = import.meta.filename;

describe("askService", () => {
  it("gives the answer, and brings the key", async () => {
    const { url, asked } = await service([]);
    expect(await askService(url, picture, "icp_1")).toBe('{"label":"cat"}');
    expect(asked.map(({ key }) => key)).toEqual(["Bearer icp_1"]);
  });

  it.each([
    [429, { "retry-after": "2" }, 1950],
    [503, {}, 950],
  ])("asks again after a refusal that passes: %i with %j", async (status, headers, least) => {
    const { url, asked } = await service([status], headers);
    expect(await askService(url, picture, undefined)).toBe('{"label":"cat"}');
    const [refused, answered] = asked;
    expect((answered?.at ?? 0) - (refused?.at ?? 0)).toBeGreaterThan(least);
  });

  it("gives up on a service that stays busy, with its last word", async () => {
    const { url, asked } = await service(Array(9).fill(429), { "retry-after": "1" });
    const failure = askService(url, picture, undefined, 3_500);
    await expect(failure).rejects.toThrow(
      new UserError(`${url}/predict answered 429: because of 429`),
    );
    // As often as a busy machine comes to it.
    expect(asked.length).toBeGreaterThan(1);
    expect(asked.length).toBeLessThan(5);
  });

  it("does not ask again where that would change nothing", async () => {
    const { url, asked } = await service([422]);
    await expect(askService(url, picture, undefined)).rejects.toThrow(
      "answered 422: because of 422",
    );
    expect(asked).toHaveLength(1);
  });
});
