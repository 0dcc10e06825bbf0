import { expect, it } from "vitest";
import { createPathSigner } from "./signed-path.ts";

const at = (now: () => number, secret = "secret") =>
  createPathSigner({ secret, validSeconds: 60, now });
const partsOf = (path: string) => {
  const { pathname, searchParams } = new URL(path, "http://x");
  const [expires, signature] = ["expires", "signature"].map((n) => searchParams.get(n) ?? "");
  return { pathname, expires, signature };
};

it("opens until it expires", () => {
  let now = 1_000_000;
  const signer = at(() => now);
  const { pathname, expires, signature } = partsOf(signer.sign("a.png"));
  expect(pathname).toBe("/outputs/a.png");
  expect(signer.verify("a.png", expires, signature)).toBe(true);
  now += 59_999;
  expect(signer.verify("a.png", expires, signature)).toBe(true);
  now += 1;
  expect(signer.verify("a.png", expires, signature)).toBe(false);
});

it("opens nothing else: another key, a later end, another secret, no signature", () => {
  const signer = at(() => 0);
  const { expires, signature } = partsOf(signer.sign("a.png"));
  expect(signer.verify("b.png", expires, signature)).toBe(false);
  expect(signer.verify("a.png", "9999999999", signature)).toBe(false);
  expect(at(() => 0, "other").verify("a.png", expires, signature)).toBe(false);
  expect(signer.verify("a.png", expires, undefined)).toBe(false);
  expect(signer.verify("a.png", expires, signature?.slice(1))).toBe(false);
  expect(signer.verify("a.png", undefined, undefined)).toBe(false);
});
