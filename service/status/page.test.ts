import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createStatusPage } from "./page.ts";

const panel = {
  id: "rate",
  title: "Rate <b>",
  description: "How many.",
  unit: "requests/s",
  kind: "lines",
  queries: [{ expr: "rate(x[1m])", legend: "{{status}}" }],
};

let directory: string;
let server: Server;
let asked: URLSearchParams[];
let answer: (query: URLSearchParams) => { readonly status: number; readonly body: unknown };

const matrix = (values: readonly (readonly [number, string])[], metric = { status: "200" }) => ({
  status: 200,
  body: { status: "success", data: { resultType: "matrix", result: [{ metric, values }] } },
});

const page = async (...panels: readonly object[]) => {
  const file = join(directory, "panels.json");
  await writeFile(file, JSON.stringify({ rows: [{ title: "Requests", panels }] }));
  const { port } = server.address() as AddressInfo;
  return createStatusPage({ prometheusUrl: `http://127.0.0.1:${port}`, panels: file });
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "status-"));
  asked = [];
  answer = (query) => {
    const end = Number(query.get("end"));
    return matrix([
      [end - 15, "1"],
      [end, "3"],
    ]);
  };
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      const query = new URLSearchParams(body);
      asked.push(query);
      const { status, body: json } = answer(query);
      response.writeHead(status).end(JSON.stringify(json));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

describe("the status page", () => {
  it("draws a line, names its series, and says the same in a table", async () => {
    const html = await (await page(panel))();
    expect(html).toMatch(/<path class="line" style="stroke:var\(--c0\)" d="M[\d. ]+L/);
    expect(html).toContain('aria-label="Rate &#60;b&#62;"');
    expect(html).toContain("<caption>Rate &#60;b&#62;</caption>");
    // Now, lowest, highest.
    expect(html).toContain('<th scope="row">200</th><td>3/s</td><td>1/s</td><td>3/s</td>');
  });

  it("asks for nothing from elsewhere and runs nothing", async () => {
    const html = await (await page(panel))();
    expect(html).not.toMatch(/<script|https?:\/\/|src=|@import/);
  });

  it("asks for half an hour in steps of a scrape", async () => {
    await (await page(panel))();
    const [query] = asked;
    expect(query?.get("query")).toBe("rate(x[1m])");
    expect(query?.get("step")).toBe("15");
    expect(Number(query?.get("end")) - Number(query?.get("start"))).toBe(1800);
  });

  it("asks once for people who look at the same time", async () => {
    const make = await page(panel);
    await Promise.all([make(), make(), make()]);
    expect(asked).toHaveLength(1);
  });

  it("loads itself again for those alone who asked for it", async () => {
    const make = await page(panel);
    const [plain, refreshing] = [await make(), await make("30")];
    expect(plain).not.toContain("http-equiv");
    expect(plain).toContain('<a href="/status?refresh=30">');
    expect(refreshing).toContain('<meta http-equiv="refresh" content="30">');
    expect(refreshing).toContain('<a href="/status">');
    for (const other of ["0", "", "30;url=//x", "030"]) expect(await make(other)).toBe(plain);
    expect(asked, "all of the same figures").toHaveLength(1);
  });

  it("leaves out what is no number, and says when there is nothing", async () => {
    answer = (query) => matrix([[Number(query.get("end")), "NaN"]]);
    expect(await (await page(panel))()).toContain("no data yet");
  });

  it("calls nothing of the past now", async () => {
    // What failed of one request, then of none; a pod that is no more; and one of which the last scrape is missing.
    const states = [
      {
        name: "idle",
        values: [
          [-60, "0.5"],
          [0, "NaN"],
        ],
      },
      { name: "gone", values: [[-45, "0.25"]] },
      { name: "late", values: [[-30, "0.75"]] },
    ] as const;
    answer = (query) => {
      const end = Number(query.get("end"));
      const result = states.map(({ name, values }) => ({
        metric: { status: name },
        values: values.map(([time, value]) => [end + time, value]),
      }));
      return { status: 200, body: { data: { result } } };
    };
    const html = await (
      await page({ ...panel, unit: "share" }, { ...panel, kind: "number", unit: "share" })
    )();
    const texts = (pattern: RegExp) => [...html.matchAll(pattern)].map(([, text]) => text);
    expect(texts(/<b>([^<]*)<\/b><\/li>/g)).toEqual(["–", "–", "75 %"]);
    expect(texts(/<p class="number">([^<]*)</g)).toEqual(["–", "–", "75 %"]);
    expect(html).toContain('<th scope="row">idle</th><td>–</td><td>50 %</td><td>50 %</td>');
  });

  it("draws buckets as bands of what lies between them", async () => {
    answer = (query) => {
      const end = Number(query.get("end"));
      const series = (le: string, value: string) => ({ metric: { le }, values: [[end, value]] });
      const result = [series("+Inf", "10"), series("0.1", "4"), series("0.25", "4")];
      return { status: 200, body: { data: { result } } };
    };
    const heat = { ...panel, kind: "heatmap", queries: [{ expr: "b", legend: "{{le}}" }] };
    const html = await (await page(heat))();
    // Four up to 100 ms, none up to 250 ms, six above: the most is the darkest.
    const opacities = [...html.matchAll(/<rect [^>]*opacity="([\d.]+)"/g)].map(
      ([, value]) => value,
    );
    expect(opacities).toEqual(["0.72", "1.00"]);
    expect(html).toContain("≤ 100 ms");
  });

  it("shows a single number large", async () => {
    const html = await (await page({ ...panel, kind: "number", unit: "count" }))();
    expect(html).toContain('<p class="number">3</p>');
  });

  it("fails when Prometheus does, and when the panels are something else", async () => {
    answer = () => ({ status: 503, body: {} });
    await expect((await page(panel))()).rejects.toThrow("Prometheus answers 503");
    await expect((await page({ title: "no panel" }))()).rejects.toThrow();
  });
});
