import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { oneAtATime } from "./one-at-a-time.ts";

const without = spawnSync("flock", ["--version"]).error ? " (skipped: there is no flock)" : "";

const start = (directory: string, ...command: readonly string[]) => {
  const [program = "", ...args] = oneAtATime(directory, ...command);
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const says = (text: string): Promise<void> =>
    vi.waitFor(() => expect(said).toContain(text), 60_000);
  return { child, says, said: () => said };
};

it.skipIf(without)(`starts a program when the one before it is gone${without}`, async () => {
  const directory = mkdtempSync(join(tmpdir(), "one at a time-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  // `cat` lives as long as nobody ends it, and is the process itself: nothing else could keep the lock.
  const first = start(directory, "sh", "-c", 'echo "first serves"; exec cat');
  await first.says("first serves");
  const second = start(directory, "sh", "-c", 'echo "second serves"; exec cat');
  await second.says("waiting until it ends");
  expect(second.said()).not.toContain("second serves");
  first.child.kill("SIGKILL");
  await once(first.child, "exit");
  await second.says("second serves");
});

it.skipIf(without)(`ends with the program's exit code${without}`, async () => {
  const directory = mkdtempSync(join(tmpdir(), "one-at-a-time-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const { child } = start(directory, "sh", "-c", "exit 7");
  expect(await once(child, "exit")).toEqual([7, null]);
});
