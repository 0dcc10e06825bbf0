import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { application, container, deployment, eventually, predict, readyPods } from "./cluster.ts";
import {
  DEPLOYMENT,
  type DeployRepository,
  openDeployRepository,
  withVariable,
} from "./deploy-repository.ts";
import { steadyLoad } from "./load.ts";
import { skipped } from "./skipped.ts";
import { kubectl, make, repository, start } from "./support.ts";

const KUSTOMIZATION = "deploy/overlays/embedded/kustomization.yaml";

const predictedLabel = async (): Promise<unknown> =>
  ((await (await predict()).json()) as { label: unknown }).label;

/** Says how long something took: a figure of this machine, which no test depends on. */
const report = (what: string, begun: number): void => {
  process.stderr.write(`${what}: ${((Date.now() - begun) / 1000).toFixed(0)} s\n`);
};

/*
 * A platform that Argo CD keeps as Git has it, on a real cluster. The tests build on each other, in this order.
 */
describe.skipIf(skipped)(`a platform under GitOps${skipped}`, () => {
  let copy: DeployRepository;

  beforeAll(async () => {
    const up = await make("up");
    expect(up.code, up.stdout + up.stderr).toBe(0);
    copy = await openDeployRepository();
  });
  afterAll(() => copy.restore());

  it("serves what the bot committed, by the digest that was built", async () => {
    const [, digest] =
      /digest: (sha256:[0-9a-f]{64})\n/.exec(
        await readFile(join(copy.directory, KUSTOMIZATION), "utf8"),
      ) ?? [];
    expect((await container())?.image).toBe(`docker.io/cats-dogs/service@${digest}`);
    expect(await copy.git("log", "-1", "--format=%an", "--", KUSTOMIZATION)).toBe(
      "image-classification-platform bot",
    );
    expect(await predictedLabel()).toBe("cat");
  });

  it("changes nothing the second time", async () => {
    const second = await make("up");
    expect(second.code, second.stderr).toBe(0);
    expect(second.stdout).toMatch(/^Resources:\s+\d+ unchanged$/m);
  });

  it("serves a pushed commit, tested, without a failed request", async () => {
    const old = await readyPods();
    const load = steadyLoad(predict);
    await copy.edit(DEPLOYMENT, withVariable("MODEL_POLL", "1"));
    const begun = Date.now();
    const head = await copy.commit("poll more often");
    const sync = await make("sync");
    report("pushed to served and tested", begun);
    // Until the old pod has drained and gone.
    for (const pod of old) {
      await kubectl("wait", "--for=delete", `pod/${pod}`, "-n", "cats-dogs", "--timeout=600s");
    }
    const { sent, failures } = await load.stop();
    expect(sync.code, sync.stderr).toBe(0);
    expect(sync.stdout).toContain(head);
    expect((await container())?.env).toContainEqual({ name: "MODEL_POLL", value: "1" });
    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(20);
  });

  it("refuses a service that does not start, says so, and serves its repair", async () => {
    const serving = await readyPods();
    const load = steadyLoad(predict);
    await copy.edit(DEPLOYMENT, withVariable("PORT_OF_NOBODY", "1"));
    await copy.edit(DEPLOYMENT, (text) =>
      text.replace(/(name: PORT\n\s+value: )"8080"/, '$1"none"'),
    );
    const begun = Date.now();
    await copy.commit("break it");
    const refused = await make("sync");
    report("a service that does not start was refused after", begun);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).not.toContain("not done after");
    expect(refused.stderr).toMatch(/error: what Git has now is not deployed/);
    expect(refused.stderr).toMatch(/Deployment api.*progress deadline/);
    expect(refused.stderr).toContain("PORT=none is not usable");

    await copy.git("revert", "--no-edit", "HEAD");
    const repaired = Date.now();
    await copy.git("push", "--quiet", "origin", "HEAD:main");
    await eventually(async () => {
      const now = await container();
      expect(now?.env).toContainEqual({ name: "PORT", value: "8080" });
      const { status } = await application();
      expect(status.sync.status).toBe("Synced");
      expect(status.health.status).toBe("Healthy");
      expect(status.operationState?.phase).toBe("Succeeded");
    }, 300);
    report("repaired after", repaired);
    const { failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(serving.length).toBe(1);
  });

  it("serves a repair when the broken commit is still being tried", async () => {
    const load = steadyLoad(predict);
    await copy.edit(DEPLOYMENT, withVariable("WORKERS", "none"));
    await copy.commit("break it again");
    // The broken commit's sync has begun: Argo CD takes up no other until that has ended.
    await eventually(
      async () =>
        expect((await container())?.env).toContainEqual({ name: "WORKERS", value: "none" }),
      300,
    );
    await copy.edit(DEPLOYMENT, (text) => text.replace('value: "none"', 'value: "1"'));
    const repaired = Date.now();
    await copy.commit("mend it");
    await eventually(async () => {
      expect((await container())?.env).toContainEqual({ name: "WORKERS", value: "1" });
      const rollout = await kubectl(
        ...["rollout", "status", "deployment/api", "-n", "cats-dogs", "--timeout=1s"],
      );
      expect(rollout.code).toBe(0);
    }, 300);
    report("repaired in the middle of a sync after", repaired);
    const { failures } = await load.stop();
    expect(failures).toEqual([]);
    expect((await make("sync")).code).toBe(0);
  });

  it("never lets a service answer that takes cats for dogs", async () => {
    const image = (await container())?.image ?? "";
    const context = await mkdtemp(join(tmpdir(), "broken-"));
    const program = "/app/service/pool-worker.cjs";
    await writeFile(
      join(context, "Dockerfile"),
      [
        "ARG BASE",
        "FROM $BASE",
        "USER 0",
        `RUN sed -i 's/labels\\[best\\]/labels[1 - best]/' ${program} && grep -q 'labels.1 - best.' ${program}`,
        "USER 1000:1000",
        "",
      ].join("\n"),
    );
    const built = await start("node", [
      join(repository, "infra/cli/image.ts"),
      ...["build", "--target", "embedded", "--name", "docker.io/cats-dogs/service"],
      // A tag stands for an image's content, and the registry outlives a test: this one's is another for each base.
      ...["--tag", `takes-cats-for-dogs-${image.split(":").at(-1)?.slice(0, 12)}`],
      ...["--base", image],
      ...["--file", join(context, "Dockerfile"), "--context", context],
    ]).ended;
    await rm(context, { recursive: true });
    expect(built.code, built.stderr).toBe(0);
    const labels = new Set<unknown>();
    let asking = true;
    const asked = (async () => {
      while (asking) labels.add(await predictedLabel());
    })();

    const setImage = (reference: string) =>
      start("node", [
        join(repository, "infra/cli/set-image.ts"),
        ...["--directory", copy.directory, "--overlay", "embedded", "--image", reference],
      ]).ended;
    const begun = Date.now();
    expect((await setImage(built.stdout.trim())).code).toBe(0);
    const refused = await make("sync");
    report("a service with wrong answers was refused after", begun);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).not.toContain("not done after");
    expect(refused.stderr).toMatch(/golden\/\S+ ?:? ?\w+, expected/);
    expect((await setImage(image)).code).toBe(0);
    const repaired = await make("sync");
    expect(repaired.code, repaired.stderr).toBe(0);
    asking = false;
    await asked;
    expect([...labels]).toEqual(["cat"]);
  });

  it("puts back what somebody changed by hand", async () => {
    const scaled = await kubectl("scale", "deployment/api", "-n", "cats-dogs", "--replicas=0");
    expect(scaled.code, scaled.stderr).toBe(0);
    await eventually(async () => expect((await deployment()).spec.replicas).toBe(1), 300);
    await eventually(async () => expect((await predict()).status).toBe(200), 300);
  });

  it("does so without being asked to, too", async () => {
    await copy.edit(DEPLOYMENT, withVariable("LOG_LEVEL", "warn"));
    await copy.commit("log less");
    await eventually(async () => {
      expect((await container())?.env).toContainEqual({ name: "LOG_LEVEL", value: "warn" });
    }, 300);
    expect((await make("sync")).code).toBe(0);
  });
});
