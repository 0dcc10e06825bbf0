import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type ApiServer,
  missingApiServer,
  startApiServer,
} from "../../infra/embedded/engine/testing/api-server.ts";
import { createTrial, type Trial } from "../../infra/embedded/engine/testing/trial.ts";

const PASSWORD = "hunter2-never-to-be-seen";
const missing = missingApiServer();
if (missing !== undefined) process.stderr.write(`engine tests skipped: ${missing}\n`);

describe.skipIf(missing !== undefined)("the embedded engine on a real API server", () => {
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
  const SETTINGS = `${SPACE}/configmaps/settings`;
  const DEPLOYMENT = "/apis/apps/v1/namespaces/space/deployments/web";

  const patch = (path: string, body: object): Promise<unknown> =>
    server.client.request({
      method: "PATCH",
      path,
      body,
      contentType: "application/merge-patch+json",
    });
  const uidOf = async (path: string): Promise<string | undefined> =>
    (await server.find(path))?.metadata.uid;

  /** Does what the deployment controller would, as soon as there is a Deployment other than the one given. */
  const playController = async (status: object, notUid?: string): Promise<void> => {
    await vi.waitFor(
      async () => {
        const uid = await uidOf(DEPLOYMENT);
        expect(uid).toBeDefined();
        expect(uid).not.toBe(notUid);
      },
      { timeout: 120_000, interval: 50 },
    );
    await patch(`${DEPLOYMENT}/status`, { status: { observedGeneration: 9, ...status } });
  };
  const READY = { replicas: 2, updatedReplicas: 2, availableReplicas: 2, readyReplicas: 2 };

  it("makes it so, changes nothing twice, and shows what a change would do", async () => {
    const planned = await trial.run("preview");
    expect(planned.text).toContain("+  kubernetes:core/v1:Secret login create");
    expect(await server.find(SPACE)).toBeUndefined();

    const first = await trial.run("up");
    expect(first).toMatchObject({ exitCode: 0, summary: { create: 8 } });
    expect(first.outputs).toEqual({ address: "web.space", login: "[secret]", made: "made one" });
    expect((await server.find(SETTINGS))?.data).toEqual({ greeting: "hello", second: "2" });

    const again = await trial.run("up", { expectNoChanges: true });
    expect(again).toMatchObject({ exitCode: 0, changed: false, summary: { same: 8 } });

    await trial.configure({ greeting: "bye" });
    const preview = await trial.run("preview");
    expect(preview.text).toContain('~ data.greeting: "hello" => "bye"');
    expect(preview.summary).toMatchObject({ update: 1, same: 7 });
    expect((await trial.run("preview", { expectNoChanges: true })).exitCode).toBe(1);
    expect((await server.find(SETTINGS))?.data).toMatchObject({ greeting: "hello" });
    expect(await trial.run("up")).toMatchObject({ exitCode: 0, summary: { update: 1 } });
    expect((await server.find(SETTINGS))?.data).toMatchObject({ greeting: "bye" });
    expect((await trial.run("preview", { expectNoChanges: true })).exitCode).toBe(0);
  });

  it("deletes in reverse order, and leaves nothing", async () => {
    await trial.run("up");
    const destroyed = await trial.run("destroy");
    expect(destroyed).toMatchObject({ exitCode: 0, summary: { delete: 8 } });
    const order = [...destroyed.text.matchAll(/ - {2}(\S+) \S+ deleted/g)].map(([, type]) => type);
    const at = (type: string): number => order.indexOf(type);
    expect(at("kubernetes:core/v1:ConfigMap")).toBeLessThan(at("kubernetes:core/v1:Namespace"));
    expect(at("kubernetes:core/v1:Namespace")).toBeLessThan(at("pulumi:providers:kubernetes"));
    expect(at("pulumi:providers:kubernetes")).toBeLessThan(at("command:local:Command"));
    expect(at("command:local:Command")).toBeLessThan(at("pulumi:pulumi:Stack"));
    expect(await server.find(SPACE)).toBeUndefined();
    expect(await trial.journal()).toEqual(["made", "deleted"]);
    const { checkpoint } = JSON.parse(await trial.stateText());
    expect(checkpoint.latest.resources).toEqual([]);
  });

  it("deletes what the program no longer declares", async () => {
    await trial.configure({ extra: true });
    expect((await trial.run("up")).exitCode).toBe(0);
    expect(await server.find(`${SPACE}/configmaps/extra`)).toBeDefined();
    await trial.configure({});
    expect((await trial.run("preview")).text).toContain(
      "-  kubernetes:core/v1:ConfigMap extra delete",
    );
    expect(await trial.run("up")).toMatchObject({ exitCode: 0, summary: { delete: 1, same: 8 } });
    expect(await server.find(`${SPACE}/configmaps/extra`)).toBeUndefined();
  });

  it("keeps secrets out of state and output, and gives them when asked", async () => {
    const { text } = await trial.run("up");
    const state = await trial.stateText();
    const hidden = [PASSWORD, Buffer.from(PASSWORD).toString("base64")];
    for (const word of hidden) {
      expect(text).not.toContain(word);
      expect(state).not.toContain(word);
    }
    expect(await trial.outputs(false)).toMatchObject({ login: "[secret]" });
    expect(await trial.outputs(true)).toMatchObject({ login: PASSWORD });
    const login = await server.find(`${SPACE}/secrets/login`);
    expect(Buffer.from(login?.data?.["password"] ?? "", "base64").toString()).toBe(PASSWORD);
    await trial.configure({ password: "another-one-never-to-be-seen" });
    const changed = await trial.run("up");
    expect(changed.text).toContain("[secret]");
    expect(changed.text + (await trial.stateText())).not.toContain("never-to-be-seen");
  });

  it("writes state that Pulumi's own integrity rules accept", async () => {
    await trial.run("up");
    const { resources, manifest } = JSON.parse(await trial.stateText()).checkpoint.latest;
    const seen = new Set<string>();
    for (const each of resources) {
      expect(seen).not.toContain(each.urn);
      const needs = [each.parent, ...(each.dependencies ?? [])].filter(Boolean);
      for (const urn of needs) expect(seen).toContain(urn);
      if (each.provider) {
        const provider = resources.find(
          (other: { urn: string; id: string }) => each.provider === `${other.urn}::${other.id}`,
        );
        expect(seen).toContain(provider?.urn);
      }
      seen.add(each.urn);
    }
    expect(manifest.magic).toMatch(/^[0-9a-f]{64}$/);
  });

  it("finds what others changed or deleted, and sets it right", async () => {
    await trial.run("up");
    await patch(SETTINGS, { data: { greeting: "mine", foreign: "stays" } });
    await server.client.request({ method: "DELETE", path: `${SPACE}/secrets/login` });
    const refreshed = await trial.run("refresh");
    expect(refreshed.text).toContain('~ data.greeting: "hello" => "mine"');
    expect(refreshed.text).toContain("-  kubernetes:core/v1:Secret login");
    expect(await trial.run("up")).toMatchObject({ exitCode: 0, summary: { create: 1, update: 1 } });
    expect((await server.find(SETTINGS))?.data).toMatchObject({
      greeting: "hello",
      foreign: "stays",
    });
    expect(await server.find(`${SPACE}/secrets/login`)).toBeDefined();
    const clean = await trial.run("refresh");
    expect(clean).toMatchObject({ exitCode: 0, changed: false });
  });

  it("waits until a Deployment is ready, and says how far it is", async () => {
    await trial.configure({ deployment: true });
    const up = trial.start("up");
    const says = (text: string): Promise<void> =>
      vi.waitFor(() => expect(up.text()).toContain(`kubernetes:apps/v1:Deployment web ${text}`), {
        timeout: 120_000,
      });
    await says("not yet seen by its controller");
    await playController({ ...READY, availableReplicas: 1, readyReplicas: 1 });
    await says("1 of 2 replicas ready");
    await playController(READY);
    expect(await up.ended).toBe(0);
    expect((await trial.run("preview", { expectNoChanges: true })).exitCode).toBe(0);
  });

  it("fails with everything that explains it, and goes on where it stopped", async () => {
    await trial.configure({ deployment: true });
    const up = trial.run("up");
    const stuck = { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" };
    await playController({ conditions: [{ ...stuck, message: "took too long" }] });
    const failed = await up;
    expect(failed.exitCode).toBe(1);
    expect(failed.text).toContain("Deployment space/web: failed: ProgressDeadlineExceeded");
    expect(failed.text).toContain("condition Progressing=False");
    expect(await trial.stateText()).toContain("initErrors");

    expect((await trial.run("preview")).text).toContain(
      "~  kubernetes:apps/v1:Deployment web update",
    );
    await playController({ ...READY, conditions: [] });
    expect(await trial.run("up")).toMatchObject({ exitCode: 0, summary: { update: 1 } });
    expect(await trial.stateText()).not.toContain("initErrors");
  });

  /** Waits for an object, then writes its status as its controller would. */
  const report = async (path: string, status: object, notUid?: string): Promise<void> => {
    await vi.waitFor(
      async () => {
        const uid = await uidOf(path);
        expect(uid).toBeDefined();
        expect(uid).not.toBe(notUid);
      },
      { timeout: 120_000, interval: 50 },
    );
    await patch(`${path}/status`, { status });
  };
  const JOB = "/apis/batch/v1/namespaces/space/jobs/work";
  const WIDGET = "/apis/example.invalid/v1/namespaces/space/widgets/widget";
  const ended = (type: "Complete" | "Failed") => {
    const time = new Date().toISOString();
    const more = type === "Complete" ? { completionTime: time, succeeded: 1 } : { failed: 1 };
    const before = type === "Complete" ? "SuccessCriteriaMet" : "FailureTarget";
    const conditions = [before, type].map((each) => ({
      ...{ type: each, status: "True", reason: "Test", message: "it said so" },
      ...{ lastProbeTime: time, lastTransitionTime: time },
    }));
    return { startTime: time, ...more, conditions };
  };
  const makeEndpoint = (): Promise<unknown> =>
    server.client.request({
      method: "PATCH",
      path: "/apis/discovery.k8s.io/v1/namespaces/space/endpointslices/front-1",
      query: { fieldManager: "test" },
      contentType: "application/apply-patch+yaml",
      body: {
        ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4" },
        metadata: { name: "front-1", labels: { "kubernetes.io/service-name": "front" } },
        endpoints: [{ addresses: ["10.1.2.3"], conditions: { ready: true } }],
      },
    });

  it("waits for what each kind means by ready, and runs a failed Job anew", async () => {
    await trial.configure({ kinds: true });
    const up = trial.run("up");
    await report(WIDGET, { phase: "Done" });
    await report(JOB, ended("Failed"));
    await makeEndpoint();
    const failed = await up;
    expect(failed.exitCode).toBe(1);
    expect(failed.text).toContain("Job space/work: failed: Test: it said so");
    const before = await uidOf(JOB);

    const again = trial.run("up");
    await report(JOB, ended("Complete"), before);
    const { exitCode, text, outputs } = await again;
    expect(text).toContain("+- kubernetes:batch/v1:Job work replac");
    expect(exitCode).toBe(0);
    expect(outputs["word"]).toBe("[secret]");
    expect((await trial.outputs(true))["word"]).toMatch(/^\S{24}$/);
    const definition = await server.find(
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.invalid",
    );
    expect(JSON.stringify(definition?.["spec"])).toContain("x-kubernetes-preserve-unknown-fields");
    expect((await trial.run("refresh")).changed).toBe(false);
    expect((await trial.run("preview", { expectNoChanges: true })).exitCode).toBe(0);
  });

  it("replaces what cannot be changed in place", async () => {
    await trial.configure({ deployment: true });
    const up = trial.run("up");
    await playController(READY);
    expect((await up).exitCode).toBe(0);
    const before = await uidOf(DEPLOYMENT);

    await trial.configure({ deployment: true, label: "other" });
    const preview = await trial.run("preview");
    expect(preview.text).toContain("+- kubernetes:apps/v1:Deployment web replace");
    expect(await uidOf(DEPLOYMENT)).toBe(before);
    const again = trial.run("up");
    await playController(READY, before);
    expect(await again).toMatchObject({ exitCode: 0, summary: { replace: 1 } });
    expect(await uidOf(DEPLOYMENT)).not.toBe(before);
  });

  it("makes an object of another name beside the old one", async () => {
    await trial.run("up");
    await trial.configure({ settingsName: "renamed" });
    expect(await trial.run("up")).toMatchObject({
      exitCode: 0,
      summary: { replace: 1, delete: 1 },
    });
    expect(await server.find(SETTINGS)).toBeUndefined();
    expect(await server.find(`${SPACE}/configmaps/renamed`)).toBeDefined();
    expect((await trial.run("up")).changed).toBe(false);
  });

  it("refuses a type that it does not know, by name, and without a stack trace", async () => {
    await trial.configure({ unknown: true });
    const { exitCode, text } = await trial.run("up");
    expect(exitCode).toBe(1);
    expect(text).toContain("its type is aws:s3/bucket:Bucket");
    expect(text).toContain("use the Pulumi CLI");
    expect(text).not.toMatch(/\n\s+at /);
  });

  it("reports an error of the program, and deletes nothing because of it", async () => {
    await trial.run("up");
    await trial.configure({ fail: true });
    const { exitCode, text } = await trial.run("up");
    expect(exitCode).toBe(1);
    expect(text).toContain("the program cannot go on");
    expect(await server.find(SETTINGS)).toBeDefined();
    await trial.configure({});
    expect((await trial.run("preview", { expectNoChanges: true })).exitCode).toBe(0);
  });

  it("says nothing of what the program could not declare any more because something else had failed", async () => {
    const [first, second] = [trial.path("first"), trial.path("second")];
    execFileSync("/bin/sh", ["-c", 'mkfifo "$0" "$1"', first, second]);
    await trial.configure({
      breaks: `cat "${first}"; exit 3`,
      create: `echo waiting; cat "${second}"`,
    });
    const running = trial.start("up");
    const says = (text: string): Promise<void> =>
      vi.waitFor(() => expect(running.text()).toContain(text), 120_000);
    await says("greet waiting");
    await writeFile(first, "");
    await says("breaks creating failed");
    // Only now does the program have what most of its resources are declared with.
    await writeFile(second, "");
    expect(await running.ended).toBe(1);
    expect(running.text()).not.toMatch(/unhandled exception|\n\s+at /);
    await trial.configure({});
  });

  const killAtStep = async (step: number): Promise<void> => {
    const running = trial.start("up");
    running.process.stdout?.on("data", () => {
      const steps = running.text().match(/creating \(0s\)/g) ?? [];
      if (steps.length >= step) running.process.kill("SIGKILL");
    });
    // By the signal: it has no exit code.
    expect(await running.ended).toBeNull();
  };

  it("deletes what a command had begun to make when it was killed", async () => {
    const fifo = trial.path("fifo");
    execFileSync("/bin/sh", ["-c", 'mkfifo "$0"', fifo]);
    await trial.configure({ create: `echo waiting; cat "${fifo}"` });
    const running = trial.start("up");
    await vi.waitFor(() => expect(running.text()).toContain("greet waiting"), 120_000);
    running.process.kill("SIGKILL");
    await running.ended;
    await writeFile(fifo, "");
    expect((await trial.run("destroy")).exitCode).toBe(0);
    expect(await trial.journal()).toEqual(["deleted"]);
  });

  it.each([1, 3, 5, 7])("loses nothing when killed at its step %i", async (step) => {
    // It would wait for this one for minutes, so that it is killed however late that comes.
    await trial.configure({ deployment: true });
    await killAtStep(step);
    await trial.configure({});
    expect(await trial.run("up")).toMatchObject({ exitCode: 0 });
    expect((await trial.run("preview", { expectNoChanges: true })).exitCode).toBe(0);
    expect((await trial.run("destroy")).exitCode).toBe(0);
    expect(await server.find(SPACE)).toBeUndefined();
  });

  it("is kept out while another operation runs, and goes on after that was killed", async () => {
    const fifo = trial.path("fifo");
    execFileSync("/bin/sh", ["-c", 'mkfifo "$0"', fifo]);
    await trial.configure({ create: `echo waiting; cat "${fifo}"` });
    const running = trial.start("up");
    await vi.waitFor(() => expect(running.text()).toContain("greet waiting"), 120_000);
    const second = await trial.run("up");
    expect(second.exitCode).toBe(1);
    expect(second.text).toMatch(new RegExp(`locked by .*pid ${running.process.pid}`));

    running.process.kill("SIGKILL");
    await running.ended;
    await writeFile(fifo, "");
    expect(await trial.stateText()).toContain('"type": "creating"');
    await trial.configure({});
    expect(await trial.run("up")).toMatchObject({ exitCode: 0 });
    expect(await trial.journal()).toEqual(["made"]);
  });

  it("stops on Ctrl-C: ends what runs, saves, and leaves no process", async () => {
    const fifo = trial.path("fifo");
    execFileSync("/bin/sh", ["-c", 'mkfifo "$0"', fifo]);
    await trial.configure({ create: `echo "shell $$"; cat "${fifo}"` });
    const running = trial.start("up");
    await vi.waitFor(() => expect(running.text()).toMatch(/greet shell \d+/), 120_000);
    const shell = Number(/greet shell (\d+)/.exec(running.text())?.[1]);
    running.process.kill("SIGINT");
    expect(await running.ended).toBe(1);
    expect(running.text()).toContain("interrupted; the state is saved");
    expect(() => process.kill(shell, 0)).toThrow(/ESRCH/);
    expect(await readdir(trial.path("state/.pulumi/locks/organization/trial/dev"))).toEqual([]);
    await trial.configure({});
    expect(await trial.run("up")).toMatchObject({ exitCode: 0 });
  });

  it("ends by itself, with the program's exit code", async () => {
    const running = trial.start("up");
    const [code] = await Promise.all([running.ended, once(running.process, "exit")]);
    expect(code).toBe(0);
  });
});

describe.skipIf(missing !== undefined)("the embedded engine and a cluster that is no more", () => {
  it("makes everything again on another cluster, and drops what a lost one held", async () => {
    const first = await startApiServer();
    const trial = await createTrial({ kubeconfig: first.kubeconfig, password: PASSWORD });
    let second: ApiServer | undefined;
    try {
      expect((await trial.run("up")).exitCode).toBe(0);
      await first.stop();

      const preview = await trial.run("preview");
      expect(preview.text).toMatch(/warning: .*does not answer|cannot be read/);

      second = await startApiServer();
      await trial.configure({ kubeconfig: second.kubeconfig });
      const moved = await trial.run("up");
      expect(moved.text).toContain("names another cluster than before");
      expect(moved).toMatchObject({ exitCode: 0, summary: { create: 4 } });
      await second.client.request({ method: "GET", path: "/api/v1/namespaces/space" });

      await second.stop();
      const destroyed = await trial.run("destroy");
      expect(destroyed).toMatchObject({ exitCode: 0, summary: { drop: 4, delete: 4 } });
      expect(await trial.journal()).toContain("deleted");
    } finally {
      await trial.remove();
      await first.stop();
      await second?.stop();
    }
  });
});
