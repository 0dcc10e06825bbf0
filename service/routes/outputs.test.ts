import { expect, it, vi } from "vitest";
import { createPathSigner } from "../storage/signed-path.ts";
import type { Storage } from "../storage/storage.ts";
import { outputsRoute } from "./outputs.ts";

const bytes = new Uint8Array(Buffer.from("picture"));
const get = vi.fn<Storage["get"]>(async (key) =>
  key === "a.png" ? { bytes, contentType: "image/png" } : undefined,
);
const unused = { put: vi.fn(), delete: vi.fn(), signedUrl: vi.fn(), sweep: vi.fn() };
const signer = createPathSigner({ secret: "s", validSeconds: 60 });
const app = outputsRoute({ storage: { ...unused, get }, signer });
const elsewhere = outputsRoute({ storage: { ...unused, get } });

/** The status, or the code of the problem. */
const ask = async (path: string, asked = app): Promise<unknown> => {
  asked.onError((error, c) => c.text("code" in error ? String(error.code) : String(error)));
  const response = await asked.request(path);
  return response.headers.get("content-type") === "image/png"
    ? [response.status, await response.text()]
    : response.text();
};

it("gives what was kept to those with a link", async () => {
  expect(await ask(signer.sign("a.png"))).toEqual([200, "picture"]);
});

it("tells nobody without a link what is there", async () => {
  get.mockClear();
  expect(await ask("/outputs/a.png")).toBe("bad-signature");
  expect(await ask("/outputs/missing.png")).toBe("bad-signature");
  expect(await ask(signer.sign("a.png").replace("a.png", "missing.png"))).toBe("bad-signature");
  expect(get).not.toHaveBeenCalled();
});

it("knows no other names, and none where another server keeps the outputs", async () => {
  expect(await ask(signer.sign("missing.png"))).toBe("not-found");
  expect(await ask(signer.sign("..%2fa.png"))).toBe("not-found");
  expect(await ask(signer.sign("a.png"), elsewhere)).toBe("not-found");
});
