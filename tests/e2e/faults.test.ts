import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  container,
  eventually,
  health,
  killContainer,
  podsOf,
  predict,
  readyPods,
  syncHasBegun,
  volumeDirectory,
} from "./cluster.ts";
import {
  DEPLOYMENT,
  type DeployRepository,
  GIT,
  openDeployRepository,
  withVariable,
} from "./deploy-repository.ts";
import { steadyLoad } from "./load.ts";
import { openMlflow } from "./mlflow.ts";
import { skipped } from "./skipped.ts";
import { kubectl, kubectlJson, make, nodeProcess, start } from "./support.ts";

const API = "app.kubernetes.io/name=api";
const TRIAL = "training-trial";

type Job = {
  readonly metadata: object;
  readonly spec: {
    selector?: object;
    backoffLimit: number;
    readonly template: {
      readonly metadata: { labels: object };
      readonly spec: { readonly containers: { args: string[] }[] };
    };
  };
};

/** Starts a training like the platform's own, with other pictures and another seed. @param store where its model goes */
const startTrial = async (store: string): Promise<void> => {
  const { spec } = await kubectlJson<Job>("get", "job/training", "-n", "cats-dogs");
  delete spec.selector;
  spec.template.metadata.labels = { "app.kubernetes.io/name": "training" };
  spec.backoffLimit = 0;
  const [trainer] = spec.template.spec.containers;
  const replaced: Record<string, string> = { "--count": "60", "--seed": "7", "--publish": store };
  if (trainer) {
    trainer.args = trainer.args.map((arg, i) => replaced[trainer.args[i - 1] ?? ""] ?? arg);
  }
  const metadata = { name: TRIAL, namespace: "cats-dogs" };
  const job = JSON.stringify({ apiVersion: "batch/v1", kind: "Job", metadata, spec });
  const created = await kubectl("create", "--filename", fileOf(job));
  expect(created.code, created.stderr).toBe(0);
};

const scratch = mkdtempSync(join(tmpdir(), "faults-"));
const fileOf = (text: string): string => {
  const path = join(scratch, "job.json");
  rmSync(path, { force: true });
  appendFileSync(path, text);
  return path;
};

/** How the training ended, and what it said. It is removed. */
const endOfTrial = async (): Promise<{ readonly succeeded: boolean; readonly log: string }> => {
  const job = [`job/${TRIAL}`, "-n", "cats-dogs"];
  const succeeded = await eventually(async () => {
    const { status } = await kubectlJson<{ status: { succeeded?: number; failed?: number } }>(
      ...["get", ...job],
    );
    expect(status.succeeded ?? status.failed).toBe(1);
    return status.succeeded === 1;
  }, 900);
  const log = (await kubectl("logs", ...job)).stdout;
  expect((await kubectl("delete", ...job)).code).toBe(0);
  return { succeeded, log };
};

/*
 * Parts of a running platform die in the middle of their work: nothing is lost, and everything comes to where it was going.
 */
describe.skipIf(skipped)(`a fault${skipped}`, () => {
  let copy: DeployRepository;

  beforeAll(async () => {
    const up = await make("up");
    expect(up.code, up.stdout + up.stderr).toBe(0);
    copy = await openDeployRepository();
  });
  afterAll(async () => {
    await copy.restore();
    rmSync(scratch, { recursive: true });
  });

  it("of Argo CD's controller during a sync: the sync goes on, and no request fails", async () => {
    const load = steadyLoad(predict);
    await copy.edit(DEPLOYMENT, withVariable("MODEL_POLL", "2"));
    const head = await copy.commit("poll less often");
    await syncHasBegun(head);
    await killContainer(
      "argocd",
      "app.kubernetes.io/name=argocd-application-controller",
      "argocd-application-controller",
    );
    const sync = await make("sync");
    expect(sync.code, sync.stderr).toBe(0);
    expect(sync.stdout).toContain(head);
    expect((await container())?.env).toContainEqual({ name: "MODEL_POLL", value: "2" });
    expect((await load.stop()).failures).toEqual([]);
  });

  it("of the Git server during pushes: what it took it has", async () => {
    const taken: string[] = [];
    let killed: Promise<void> | undefined;
    for (let round = 0; taken.length < 12; round++) {
      await copy.git("commit", "--quiet", "--allow-empty", "--message", `push ${round}`);
      const push = copy.tryGit("push", "--quiet", "origin", "HEAD:main");
      if (taken.length === 6)
        killed ??= killContainer("gitops", "app.kubernetes.io/name=git-server", "git-server");
      if ((await push).code === 0) taken.push(await copy.git("rev-parse", "HEAD"));
    }
    await killed;
    const clone = join(scratch, "clone");
    const cloned = await start("git", ["clone", "--quiet", GIT, clone]).ended;
    expect(cloned.code, cloned.stderr).toBe(0);
    const known = await start("git", ["-C", clone, "rev-list", "HEAD"]).ended;
    expect(known.stdout.trim().split("\n")).toEqual(expect.arrayContaining(taken));
    expect((await start("git", ["-C", clone, "fsck", "--full", "--strict"]).ended).code).toBe(0);
    await eventually(async () => {
      const [server] = await podsOf("gitops", "app.kubernetes.io/name=git-server");
      expect(server?.status.containerStatuses?.[0]?.restartCount).toBeGreaterThan(0);
    }, 300);
    const sync = await make("sync");
    expect(sync.code, sync.stderr).toBe(0);
    expect(sync.stdout).toContain(taken.at(-1));
  });

  it("of the service: the same model answers again", async () => {
    const { digest } = (await health()).model;
    const pods = await readyPods();
    const requests = Array.from({ length: 4 }, () => predict().catch(() => undefined));
    await killContainer("cats-dogs", API, "api");
    await Promise.all(requests);
    await eventually(async () => expect((await predict()).status).toBe(200), 300);
    expect((await health()).model.digest).toBe(digest);
    // Kubernetes started it again in the same pod.
    await eventually(async () => expect(await readyPods()).toEqual(pods), 300);
  });

  it("of MLflow while it takes a training: the training waits for it, and it has all of it", async () => {
    const copies = join(await volumeDirectory("cats-dogs", "model-store"), "tracking");
    await startTrial("/scratch/store");
    // The training is on disk: it is being sent.
    await eventually(
      () => expect(existsSync(copies) ? readdirSync(copies) : []).not.toEqual([]),
      600,
    );
    await killContainer("cats-dogs", "app.kubernetes.io/name=tracking", "tracking");
    const { succeeded, log } = await endOfTrial();
    expect(succeeded, log).toBe(true);
    expect(log).toMatch(/^tracking: http:\S+ has run /m);
    expect(readdirSync(copies)).toEqual([]);
    const [, digest = ""] = /^model (sha256:[0-9a-f]{64}) /m.exec(log) ?? [];
    const { get, close } = await openMlflow();
    try {
      const { model_versions: versions } = await get<{
        model_versions: { run_id: string; tags: { key: string; value: string }[] }[];
      }>("model-versions/search", { filter: "name='image-classifier'" });
      const own = versions.filter(({ tags }) => tags.some(({ value }) => value === digest));
      expect(own).toHaveLength(1);
      const { run } = await get<{
        run: { info: { status: string }; data: { metrics: { key: string }[] } };
      }>("runs/get", { run_id: own[0]?.run_id ?? "" });
      expect(run.info.status).toBe("FINISHED");
      expect(run.data.metrics.map(({ key }) => key)).toContain("test_accuracy");
    } finally {
      await close();
    }
  });

  it("of a full model volume: the training says so in one line, and the old model serves", async () => {
    const { digest } = (await health()).model;
    const volume = await volumeDirectory("cats-dogs", "model-store");
    const restartService = async (): Promise<void> => {
      expect((await kubectl("delete", "pod", "-n", "cats-dogs", "-l", API)).code).toBe(0);
      await eventually(async () => expect((await predict()).status).toBe(200), 300);
    };
    const content = join(scratch, "volume");
    cpSync(volume, content, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64m,mode=0777", "tmpfs", volume]);
    try {
      cpSync(content, volume, { recursive: true });
      execFileSync("chown", ["-R", "1000:1000", volume]);
      // A pod that starts now has the small volume.
      await restartService();
      expect(() => {
        for (;;) appendFileSync(join(volume, "filler"), Buffer.alloc(65_536));
      }).toThrow("ENOSPC");
      await startTrial("/models");
      const { succeeded, log } = await endOfTrial();
      expect(succeeded).toBe(false);
      expect(log.match(/^error: .*$/gm)).toEqual([
        expect.stringMatching(
          /^error: \/models\/\S*: the disk is full; free some space \(ENOSPC\)\.$/,
        ),
      ]);
      expect((await predict()).status).toBe(200);
      expect((await health()).model.digest).toBe(digest);
      await restartService();
      expect((await health()).model.digest).toBe(digest);
    } finally {
      execFileSync("umount", ["--lazy", volume]);
    }
    await restartService();
    expect((await health()).model.digest).toBe(digest);
  });

  it("of etcd and the API server during a sync: `make sync` says what to do, and that helps", async () => {
    await copy.edit(DEPLOYMENT, withVariable("LOG_LEVEL", "warn"));
    const head = await copy.commit("log less");
    const sync = make("sync");
    await syncHasBegun(head);
    for (const name of ["etcd", "kube-apiserver"]) process.kill(nodeProcess(name), "SIGKILL");
    const { code, stderr } = await sync;
    expect(code).not.toBe(0);
    expect(stderr.match(/^error: .*$/gm)).toEqual([
      expect.stringMatching(/the cluster has not answered for 10 s .*; run `make up`/),
    ]);
    const up = await make("up");
    expect(up.code, up.stdout + up.stderr).toBe(0);
    expect(up.stdout).toMatch(/^Resources:\s+\d+ unchanged$/m);
    expect((await container())?.env).toContainEqual({ name: "LOG_LEVEL", value: "warn" });
    expect((await make("sync")).stdout).toContain(head);
  });
});
