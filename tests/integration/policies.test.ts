import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type ApiServer,
  missingApiServer,
  startApiServer,
} from "../../infra/embedded/engine/testing/api-server.ts";
import { createTrial, type Trial } from "../../infra/embedded/engine/testing/trial.ts";

const PASSWORD = "hunter2-never-to-be-seen";
const infra = join(import.meta.dirname, "..", "..", "infra");
const trialPack = { policyPack: join(infra, "embedded", "engine", "testdata", "policy") };
const platformPack = { policyPack: join(infra, "policy") };
const missing = missingApiServer();
if (missing !== undefined) process.stderr.write(`policy tests skipped: ${missing}\n`);

describe.skipIf(missing !== undefined)(
  "policies, on the embedded engine and a real API server",
  () => {
    let server: ApiServer;
    let trial: Trial;
    beforeAll(async () => {
      server = await startApiServer();
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      trial = await createTrial({ kubeconfig: server.kubeconfig, password: PASSWORD });
    });
    afterEach(async () => {
      await trial.run("destroy");
      await trial.remove();
    });

    const SPACE = "/api/v1/namespaces/space";
    const greeting = async () => (await server.find(`${SPACE}/configmaps/settings`))?.data;
    /** Neither the command ran nor is anything in the cluster or in the state. */
    const expectNothingDone = async (): Promise<void> => {
      expect(await server.find(SPACE)).toBeUndefined();
      await expect(trial.journal()).rejects.toThrow("ENOENT");
      await expect(trial.stateText()).rejects.toThrow("ENOENT");
    };
    const linesOf = (text: string, policy: string): readonly string[] =>
      text.split("\n").filter((line) => line.includes(`policy ${policy}:`));

    it("let a program pass that keeps to them, and change nothing of what it does", async () => {
      const first = await trial.run("up", trialPack);
      expect(first).toMatchObject({ exitCode: 0, summary: { create: 8 } });
      expect(first.text).not.toContain("error");
      expect(first.text).not.toContain("asleep");
      expect(await trial.journal()).toEqual(["made"]);
      const again = await trial.run("up", { ...trialPack, expectNoChanges: true });
      expect(again).toMatchObject({ exitCode: 0, changed: false, summary: { same: 8 } });
      expect((await trial.run("destroy", trialPack)).exitCode).toBe(0);
    });

    it("stop an update before anything is changed, with one line that says all", async () => {
      await trial.configure({ greeting: "bye" });
      const { exitCode, text, summary } = await trial.run("up", trialPack);
      expect(exitCode).toBe(1);
      expect(linesOf(text, "no-goodbye")).toEqual([
        "    error: kubernetes:core/v1:ConfigMap settings: policy no-goodbye: it says bye. Greet, do not say goodbye.",
      ]);
      expect(text).toContain("error: policies are violated, see above; nothing was changed.");
      expect(summary.create).toBe(0);
      await expectNothingDone();
    });

    it("stop an update of what runs already, and let the mended one through", async () => {
      await trial.run("up", trialPack);
      await trial.configure({ greeting: "bye", trigger: "2" });
      expect((await trial.run("up", trialPack)).exitCode).toBe(1);
      expect(await greeting()).toMatchObject({ greeting: "hello" });
      expect(await trial.journal()).toEqual(["made"]);
      await trial.configure({ greeting: "good day" });
      expect(await trial.run("up", trialPack)).toMatchObject({
        exitCode: 0,
        summary: { update: 1 },
      });
    });

    it("judge all resources together before the first is made", async () => {
      await trial.configure({ extra: true });
      const { exitCode, text } = await trial.run("up", trialPack);
      expect(exitCode).toBe(1);
      expect(linesOf(text, "one-config-map")).toEqual([
        "    error: policy one-config-map: there are 2. One is enough.",
      ]);
      await expectNothingDone();
    });

    it("show everything that is wrong in a preview, which then fails", async () => {
      await trial.configure({ greeting: "bye", extra: true });
      const { exitCode, text } = await trial.run("preview", trialPack);
      expect(exitCode).toBe(1);
      expect(linesOf(text, "no-goodbye")).toHaveLength(1);
      expect(linesOf(text, "one-config-map")).toHaveLength(1);
      expect(text).toContain("+  kubernetes:core/v1:ConfigMap extra create");
    });

    it("warn where they only advise, once, and go on", async () => {
      await trial.configure({ greeting: "hi" });
      const { exitCode, text } = await trial.run("up", trialPack);
      expect(exitCode).toBe(0);
      expect(linesOf(text, "polite")).toEqual([
        "    warning: kubernetes:core/v1:ConfigMap settings: policy polite: it says hi. Say hello.",
      ]);
      expect(await greeting()).toMatchObject({ greeting: "hi" });
    });

    it("judge what only the update knows before it is used", async () => {
      await trial.configure({ forbidLater: true });
      const { exitCode, text } = await trial.run("up", trialPack);
      expect(exitCode).toBe(1);
      expect(text).toMatch(/warning: .*policy known-later: can't run policy .* during preview/);
      expect(text).toMatch(/error: .*policy known-later: its kubeconfig is known now/);
      // The command had to run to know it, and nothing after it did.
      expect(await trial.journal()).toEqual(["made"]);
      expect(await server.find(SPACE)).toBeUndefined();
    });

    it("never show a secret", async () => {
      await trial.configure({ forbidSecrets: true });
      const { exitCode, text } = await trial.run("up", trialPack);
      expect(exitCode).toBe(1);
      expect(text).toContain("policy no-secret-words: it is [secret]");
      expect(text).not.toContain(PASSWORD);
    });

    it("show an error of the program in the rehearsal, with what the program printed", async () => {
      await trial.configure({ fail: true });
      const { exitCode, text } = await trial.run("up", trialPack);
      expect(exitCode).toBe(1);
      expect(text).toContain("the program cannot go on");
      expect(text).not.toContain("policies are violated");
      await expectNothingDone();
    });

    it("say in one line that a pack cannot be started", async () => {
      const nowhere = await trial.run("up", { policyPack: trial.path("nowhere") });
      expect(nowhere.exitCode).toBe(1);
      expect(nowhere.text).toMatch(/error: there is no policy pack .*nowhere \(/);
      await writeFile(trial.path("program/PulumiPolicy.yaml"), "runtime: nodejs\n");
      const broken = await trial.run("up", { policyPack: trial.path("program") });
      expect(broken.text).toContain("did not start: it ended with exit code");
      await expectNothingDone();
    });

    /** Ids of the running packs that this test started. */
    const packs = (): readonly string[] =>
      readdirSync("/proc").filter((pid) => {
        try {
          const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
          const inside = readFileSync(`/proc/${pid}/environ`, "utf8").includes(
            trial.path("journal"),
          );
          return line.includes("run-policy-pack") && inside;
        } catch {
          return false;
        }
      });

    it("leave no process behind, even when the engine is killed", async () => {
      const fifo = trial.path("fifo");
      execFileSync("/bin/sh", ["-c", 'mkfifo "$0"', fifo]);
      await trial.configure({ create: `echo waiting; cat "${fifo}"` });
      const running = trial.start("up", trialPack);
      await vi.waitFor(() => expect(running.text()).toContain("greet waiting"), 120_000);
      expect(packs()).toHaveLength(1);
      running.process.kill("SIGKILL");
      await running.ended;
      await vi.waitFor(() => expect(packs()).toEqual([]), 120_000);
      await writeFile(fifo, "");
      await trial.configure({});
    });

    it("of the platform itself stop a program that keeps to none of them", async () => {
      await trial.configure({ deployment: true });
      const { exitCode, text } = await trial.run("up", platformPack);
      expect(exitCode).toBe(1);
      for (const policy of [
        ...["restricted-pod-security", "image-by-digest", "requests-and-limits", "probes"],
        "network-policy-in-namespace",
      ]) {
        expect(linesOf(text, policy), policy).not.toEqual([]);
      }
      expect(linesOf(text, "image-by-digest")).toEqual([
        '    error: kubernetes:apps/v1:Deployment web: policy image-by-digest: container "web" uses the image "example.invalid/web:1" without a digest. Name images as name@sha256:…: what was tested is what runs.',
      ]);
      await expectNothingDone();
    });
  },
);
