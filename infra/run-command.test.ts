import { describe, expect, it } from "vitest";
import { runCommand, tryCommand } from "./run-command.ts";

const node = (script: string) => ["-e", script];

describe("runCommand", () => {
  it("returns standard output and passes standard input", async () => {
    const script = "process.stdin.pipe(process.stdout)";
    await expect(runCommand("node", node(script), { input: "photo" })).resolves.toBe("photo");
  });

  it("says what failed, how, and the last lines that it printed", async () => {
    const script = "console.error('first'); console.error('no space left'); process.exit(3)";
    const failure = runCommand("node", node(script));
    await expect(failure).rejects.toThrow(/node -e .* failed \(3\)[\s\S]*no space left/);
  });

  it("names a program that is not installed", async () => {
    await expect(runCommand("no-such-program", [])).rejects.toThrow(
      "no-such-program is not installed",
    );
  });
});

describe("tryCommand", () => {
  it("reports an exit code as a result", async () => {
    await expect(tryCommand("node", node("process.exit(7)"))).resolves.toMatchObject({ code: 7 });
  });

  it("does not fail on a program that ends without reading its input", async () => {
    const input = "x".repeat(1_000_000);
    await expect(tryCommand("true", [], { input })).resolves.toMatchObject({ code: 0 });
  });
});
