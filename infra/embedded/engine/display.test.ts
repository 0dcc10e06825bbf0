import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { createDisplay, type Display } from "./display.ts";
import { secret } from "./property-values.ts";

const urn = "urn:pulumi:dev::cats::my:own:Part$kubernetes:apps/v1:Deployment::api";
const counts = { create: 5, update: 0, replace: 0, delete: 1, drop: 0, same: 3 };

const shown = (show: (display: Display) => void, color = false): string => {
  const output = new PassThrough();
  show(createDisplay(output, color));
  return String(output.read() ?? "");
};

describe("display", () => {
  it("speaks as pulumi up does", () => {
    const text = shown((display) => {
      display.started("create", urn, []);
      display.ended("create", urn, 3_240);
      display.outputs({ url: "http://x", login: secret("hidden") });
      display.summary(counts, { preview: false, milliseconds: 12_000 });
    });
    expect(text).toBe(
      [
        " +  kubernetes:apps/v1:Deployment api creating (0s)",
        " +  kubernetes:apps/v1:Deployment api created (3.2s)",
        "",
        "Outputs:",
        '    login: "[secret]"',
        '    url: "http://x"',
        "",
        "Resources:",
        "    + 5 created",
        "    - 1 deleted",
        "    3 unchanged",
        "",
        "Duration: 12s",
        "",
      ].join("\n"),
    );
  });

  it("shows what a preview would change, and passes over what stays", () => {
    const text = shown((display) => {
      display.plan("same", urn, []);
      display.plan("update", urn, [{ path: ["spec", "replicas"], before: 1, after: 2 }]);
    });
    expect(text).toBe(
      " ~  kubernetes:apps/v1:Deployment api update\n      ~ spec.replicas: 1 => 2\n",
    );
  });

  it("colours only when asked, and then takes no colour from others", () => {
    const red = "\u001b[31mred\u001b[39m";
    const say = (display: Display) => display.message("error", red, urn);
    expect(shown(say)).toBe("    error: kubernetes:apps/v1:Deployment api: red\n");
    expect(shown(say, true)).toContain(red);
    expect(shown((display) => display.started("create", urn, []), true)).toContain("\u001b[");
  });

  it("keeps messages of several lines in one block, and debug messages to itself", () => {
    const text = shown((display) => {
      display.message("debug", "hidden");
      display.message("warning", "one\ntwo\n");
    });
    expect(text).toBe("    warning: one\n    two\n");
  });
});
