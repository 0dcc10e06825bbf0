import { Hono } from "hono";
import { beforeEach, describe, expect, it } from "vitest";
import { stubMetadata } from "../../model/testing/stub-model.ts";
import type { Lifecycle } from "../lifecycle.ts";
import type { ServiceEnv } from "../observe.ts";
import { pageRoute } from "./page.ts";

/** What browsers send. */
const BROWSER =
  "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

const lifecycle: Lifecycle = { phase: "serving", model: undefined };
let app: Hono<ServiceEnv>;

beforeEach(() => {
  lifecycle.model = stubMetadata();
  const maxBytes = 5 * 2 ** 20;
  app = new Hono<ServiceEnv>();
  app.route("/", pageRoute({ lifecycle, maxBytes, description: { name: "described" } }));
  app.onError((error, c) => c.text(error.message, 404));
});

const get = async (path: string, accept?: string): Promise<Response> =>
  app.request(path, accept === undefined ? {} : { headers: { accept } });
const html = async (): Promise<string> => (await get("/", BROWSER)).text();

describe("GET /", () => {
  it.each([undefined, "*/*", "application/json", "application/json,text/html;q=0.5"])(
    "describes the service to a program that accepts %s",
    async (accept) => {
      const response = await get("/", accept);
      expect(await response.json()).toEqual({ name: "described" });
      expect(response.headers.get("vary")).toBe("accept");
    },
  );

  it("is a page for browsers", async () => {
    const response = await get("/", BROWSER);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("vary")).toBe("accept");
    const text = await response.text();
    expect(text).toMatch(/<input type="file" id="photos" multiple accept="image\/jpeg,/);
    expect(text).toContain('data-max-bytes="5242880"');
    expect(text).toContain("up to 5 MB each");
    expect(text).toContain(`data-digest="${stubMetadata().digest}"`);
  });

  it("runs and styles by this answer's nonce only, and nothing inline or from elsewhere", async () => {
    const policies = new Set<string | null>();
    for (const response of [await get("/", BROWSER), await get("/", BROWSER)]) {
      const policy = response.headers.get("content-security-policy");
      policies.add(policy);
      expect(policy).toMatch(/^default-src 'none'; script-src 'nonce-[\w+/=]{24}'; style-src/);
      expect(policy).not.toContain("unsafe");
      expect(policy).toContain("connect-src 'self'");
      const nonce = /nonce-([^']+)/.exec(policy ?? "")?.[1];
      const text = await response.text();
      const owned = [...text.matchAll(/<(?:script|style)\b([^>]*)>/g)];
      expect(owned).toHaveLength(2);
      for (const [, attributes] of owned) expect(attributes).toContain(`nonce="${nonce}"`);
      expect(text).not.toMatch(/\son\w+=|\sstyle=|(?:src|href)="(?:https?:|\/\/)|@import|url\(/);
    }
    expect(policies.size, "a nonce is used once").toBe(2);
  });

  it("says so while there is no model", async () => {
    lifecycle.model = undefined;
    const text = await html();
    expect(text).toContain("No model is loaded yet");
    expect(text).toContain('data-digest=""');
  });

  it("shows a model's names as text", async () => {
    lifecycle.model = { ...stubMetadata(), version: "<script>alert(1)</script>" };
    expect(await html()).not.toContain("<script>");
  });
});

describe("GET /page/:script", () => {
  it("has the page's script, and each one that it imports", async () => {
    const wanted = ["main.js"];
    for (const name of wanted) {
      const response = await get(`/page/${name}`);
      expect(response.status, name).toBe(200);
      expect(response.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      const imports = (await response.text()).matchAll(/^import .* from "\.\/(.+)";$/gm);
      for (const [, imported = ""] of imports) {
        if (!wanted.includes(imported)) wanted.push(imported);
      }
    }
    expect(wanted).toContain("live-figures.js");
  });

  it.each(["nothing.js", "csv.test.ts", "tsconfig.json", "..%2Fpage.ts", "%2e%2e%2fscripts.ts"])(
    "has no %s",
    async (name) => {
      expect((await get(`/page/${name}`)).status).toBe(404);
    },
  );
});
