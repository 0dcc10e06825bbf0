import { describe, expect, it } from "vitest";
import { wilsonInterval } from "../evaluate.ts";
import type { Photo } from "../sources/source.ts";
import { serveDuringTest } from "../testing/http-server.ts";
import { answersCsv, evaluateDeployed } from "./evaluate-deployed.ts";

/** A picture whose bytes say what the service below answers. */
const photo = (id: string, label: string, answer = label): Photo => ({
  id,
  label,
  read: () => Promise.resolve(Buffer.from(`answer=${answer};`)),
});

/** Pictures that nobody has tried to decode. */
const folder = (photos: readonly Photo[]) => ({ photos, decodable: false });

const service = (digestOf: (request: number) => string = () => "sha256:1") => {
  let requests = 0;
  return serveDuringTest((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const label = /answer=(\w+);/.exec(Buffer.concat(chunks).toString())?.[1] ?? "";
      if (label === "broken") {
        response.writeHead(422).end(JSON.stringify({ detail: "no picture" }));
        return;
      }
      const cat = label === "cat" ? 0.75 : 0.25;
      const probabilities = { cat, dog: 1 - cat };
      const model = { digest: digestOf(requests++) };
      response.end(JSON.stringify({ label, probability: 0.75, probabilities, model }));
    });
  });
};

describe("evaluateDeployed", () => {
  it("counts right and wrong answers, and names the pictures that cannot be used", async () => {
    const photos = [
      photo("a", "cat"),
      photo("b", "cat", "dog"),
      photo("c", "dog"),
      photo("d", "dog"),
      photo("e", "dog", "broken"),
    ];
    const result = await evaluateDeployed(await service(), folder(photos));
    const { test, perClass } = result.evaluation;
    expect(test).toEqual({ accuracy: 0.75, interval: wilsonInterval(3, 4), count: 4 });
    expect(perClass["cat"]).toMatchObject({ precision: 1, recall: 0.5, support: 2 });
    expect(perClass["dog"]).toMatchObject({ precision: 2 / 3, recall: 1, support: 2 });
    expect(result.skipped).toEqual([{ id: "e", reason: "no picture" }]);
    expect(result.digests).toEqual(["sha256:1"]);
    expect(result.latency.p50).toBeLessThanOrEqual(result.latency.p99);

    const lines = answersCsv(result).split("\r\n");
    expect(lines[0]).toBe("file,truth,label,probability,latency_ms,model_digest");
    expect(lines[2]).toMatch(/^b,cat,dog,0\.75,\d+\.\d,sha256:1$/);
    expect(lines).toHaveLength(6);
  });

  it("counts a refusal as a wrong answer where every picture decodes", async () => {
    const photos = [
      photo("a", "cat", "broken"),
      photo("b", "cat"),
      photo("c", "dog", "broken"),
      photo("d", "dog"),
    ];
    const result = await evaluateDeployed(await service(), { photos, decodable: true });
    const { test, perClass, logLoss } = result.evaluation;
    expect(test).toEqual({ accuracy: 0.5, interval: wilsonInterval(2, 4), count: 4 });
    expect(perClass["cat"]).toMatchObject({ precision: 1, recall: 0.5, support: 2 });
    expect(logLoss).toBeCloseTo(-Math.log(0.75), 12);
    expect(result.skipped).toEqual([]);
    expect(result.refused.map(({ id, reason }) => [id, reason])).toEqual([
      ["a", "no picture"],
      ["c", "no picture"],
    ]);
    expect(answersCsv(result).split("\r\n").slice(3)).toEqual(["a,cat,,,,", "c,dog,,,,", ""]);
  });

  it("notices that the model changed meanwhile", async () => {
    const base = await service((request) => `sha256:${request}`);
    const { digests } = await evaluateDeployed(
      base,
      folder([photo("a", "cat"), photo("b", "dog")]),
    );
    expect(digests).toEqual(["sha256:0", "sha256:1"]);
  });

  it("refuses classes that the model does not know, after one request", async () => {
    const photos = [photo("a", "cat"), photo("b", "owl")];
    await expect(evaluateDeployed(await service(), folder(photos))).rejects.toThrow(
      /has the class "owl", but the deployed model knows cat, dog/,
    );
  });

  it("fails when no picture is usable", async () => {
    const broken = [photo("a", "cat", "broken")];
    await expect(evaluateDeployed(await service(), folder(broken))).rejects.toThrow(
      "the service can use none of the 1 pictures.",
    );
  });
});
