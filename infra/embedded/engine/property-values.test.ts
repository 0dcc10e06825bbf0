import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  containsSecret,
  containsUnknown,
  containsUnsupported,
  markSecretKeys,
  markSecretsLike,
  redact,
  reveal,
  SIGNATURE,
  sameValue,
  secret,
  secretHider,
  UNKNOWN,
} from "./property-values.ts";

describe("secrets", () => {
  const value = { plain: 1, list: ["a", secret({ deep: secret("hidden") })] };

  it("are opened at every depth", () => {
    expect(reveal(value)).toEqual({ plain: 1, list: ["a", { deep: "hidden" }] });
  });

  it("are replaced at every depth", () => {
    expect(redact(value)).toEqual({ plain: 1, list: ["a", "[secret]"] });
    expect(redact([UNKNOWN])).toEqual(["[unknown]"]);
  });

  it("never survive redaction, whatever holds them", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        const wrapped = { before: json as never, hidden: secret({ key: "s3cr3t-token" }) };
        return !JSON.stringify(redact(wrapped)).includes("s3cr3t-token");
      }),
    );
  });

  it("do not count in a comparison, and neither does the order of keys", () => {
    expect(sameValue({ a: secret("x"), b: 2 }, { b: 2, a: "x" })).toBe(true);
    expect(sameValue({ a: secret("x") }, { a: secret("y") })).toBe(false);
    expect(sameValue([1, 2], [2, 1])).toBe(false);
  });

  it("are carried over to the same place of another value", () => {
    const marked = markSecretsLike(
      { data: { password: "p", user: "u" }, list: ["a", "b"], more: 1 },
      { data: { password: secret("old"), user: "u" }, list: ["a", secret("b")] },
    );
    expect(marked).toEqual({
      data: { password: secret("p"), user: "u" },
      list: ["a", secret("b")],
      more: 1,
    });
  });

  it("are not wrapped twice", () => {
    expect(markSecretKeys({ a: secret("x"), b: 1 }, ["a"])).toEqual({ a: secret("x"), b: 1 });
  });

  it("are hidden in texts, the longest first and line by line", () => {
    const hide = secretHider({ a: secret("pass"), b: { c: secret(["passphrase", "two\nlines"]) } });
    expect(hide("passphrase pass two or lines")).toBe("[secret] [secret] [secret] or [secret]");
  });
});

describe("marks", () => {
  it("are found at every depth", () => {
    expect(containsUnknown({ a: [{ b: UNKNOWN }] })).toBe(true);
    expect(containsUnknown({ a: secret(UNKNOWN) })).toBe(true);
    expect(containsUnknown({ a: "known" })).toBe(false);
    expect(containsSecret([{ a: secret(1) }])).toBe(true);
    expect(containsSecret([{ a: 1 }])).toBe(false);
  });

  it("tell assets and references from secrets", () => {
    expect(containsUnsupported({ a: { [SIGNATURE]: "c44067f5952c0a294b673a41bacd8c17" } })).toBe(
      true,
    );
    expect(containsUnsupported({ a: secret(1) })).toBe(false);
  });
});
