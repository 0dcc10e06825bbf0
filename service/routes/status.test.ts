import pino from "pino";
import { expect, it } from "vitest";
import { statusRoute } from "./status.ts";

const REFRESHES = 'http-equiv="refresh"';
const log = pino({ level: "silent" });
const nowhere = { prometheusUrl: "http://127.0.0.1:1", panels: "none" };

it.each([
  ["without monitoring", undefined],
  ["without figures", nowhere],
] as const)("%s, the page loads itself again only when it is asked to", async (_, source) => {
  const app = statusRoute(source, log);
  const get = async (path: string): Promise<string> => (await app.request(path)).text();
  expect(await get("/status")).not.toContain(REFRESHES);
  expect(await get("/status?refresh=1")).not.toContain(REFRESHES);
  expect(await get("/status?refresh=30")).toContain(REFRESHES);
});
