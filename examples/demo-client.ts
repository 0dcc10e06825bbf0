/*
 * Asks a service what is in photos, with a client whose types come from the service's OpenAPI document:
 *
 *   node examples/demo-client.ts photo.jpg … [--url http://127.0.0.1:8080] [--timeout 5]
 *
 * It needs Node.js 24. The key, where the service asks for one, comes from the variable API_KEY. In a project of your own:
 * `npm i openapi-fetch`, and `npx openapi-typescript http://…/openapi.json -o openapi.d.ts` for the types.
 */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./openapi.d.ts";

type Prediction = components["schemas"]["Prediction"];

const ATTEMPTS = 5;

/** One photo's prediction. A service that is full says when to come back. @throws Error with the problem's detail */
const predict = async (
  client: Client<paths>,
  photo: Uint8Array<ArrayBuffer>,
  timeout: string,
): Promise<Prediction> => {
  for (let attempt = 1; ; attempt += 1) {
    const { data, error, response } = await client.POST("/predict", {
      params: { header: { "request-timeout": timeout } },
      headers: { "content-type": "application/octet-stream" },
      body: new Blob([photo]),
      bodySerializer: (body) => body,
    });
    if (data) return data;
    const wait = response.headers.get("retry-after");
    if (wait === null || attempt === ATTEMPTS) {
      throw new Error(`${error.title}: ${error.detail} (request ${error.requestId})`);
    }
    await sleep(Number(wait) * 1000);
  }
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: "string", default: "http://127.0.0.1:8080" },
    timeout: { type: "string", default: "5" },
  },
});
const { API_KEY } = process.env;
const client = createClient<paths>({
  baseUrl: values.url,
  headers: API_KEY ? { authorization: `Bearer ${API_KEY}` } : {},
});

const { data: health } = await client.GET("/health");
process.stderr.write(`${health?.model?.name ?? "no model yet"} ${health?.model?.version ?? ""}\n`);
for (const file of positionals) {
  try {
    const photo = new Uint8Array(await readFile(file));
    const { label, probability } = await predict(client, photo, values.timeout);
    process.stdout.write(`${file}: ${label} ${probability.toFixed(4)}\n`);
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(`${file}: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}
