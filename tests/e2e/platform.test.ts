import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { PLACEHOLDER_DIGEST } from "../../infra/gitops/overlay-image.ts";
import { parseManifests } from "../../infra/parse-manifests.ts";
import { container, eventually, health, url } from "./cluster.ts";
import { DEPLOYMENT, openDeployRepository, withVariable } from "./deploy-repository.ts";
import { steadyLoad } from "./load.ts";
import { openMlflow } from "./mlflow.ts";
import { skipped } from "./skipped.ts";
import {
  footprint,
  killGroup,
  kubectl,
  kubectlJson,
  make,
  nodeProcess,
  type Outcome,
  repository,
  start,
  stateFile,
} from "./support.ts";

const noChange = /^Resources:\s+\d+ unchanged$/m;

type Resource = { readonly type: string; readonly inputs: object };
type Checkpoint = {
  readonly checkpoint: { readonly latest?: { readonly resources?: readonly Resource[] } };
};

const stateResources = (): readonly Resource[] =>
  (JSON.parse(readFileSync(stateFile, "utf8")) as Checkpoint).checkpoint.latest?.resources ?? [];

/** Digest of the image that serves. */
const servingDigest = async (): Promise<string> => (await container())?.image.split("@")[1] ?? "";

const predict = async (file: string): Promise<Response> => {
  const body = new FormData();
  body.set("image", new Blob([readFileSync(join(repository, file))]), "picture");
  return fetch(`${url}/predict`, { method: "POST", body });
};

/** The last line that a failed command printed for its reader. */
const errorLine = ({ stderr }: Outcome): string =>
  stderr.split("\n").find((line) => line.startsWith("error: ")) ?? "";

/*
 * The story of one platform on a real cluster: from nothing, through use and faults, to nothing. The tests build on each
 * other, in this order; whatever ran here before is taken down first.
 */
describe.skipIf(skipped)(`the platform${skipped}`, () => {
  let before: Awaited<ReturnType<typeof footprint>>;
  let first: Outcome;

  beforeAll(async () => {
    expect((await make("down")).code).toBe(0);
    before = await footprint();
  });
  it("says which port is in use, and by what, before it changes anything", async () => {
    const stranger = createServer().listen(8080, "127.0.0.1");
    await once(stranger, "listening");
    try {
      const outcome = await make("up");
      expect(outcome.code).not.toBe(0);
      expect(errorLine(outcome)).toMatch(
        /Port 8080 \(the service\) is in use by .*stop that program/,
      );
      expect(await footprint()).toMatchObject({ links: before["links"], mounts: before["mounts"] });
    } finally {
      stranger.close();
    }
  });

  it("says that the API server is gone when that dies in the middle of `make up`", async () => {
    const { child, ended } = start("make", ["up"]);
    let seen = "";
    let killed = false;
    child.stdout?.on("data", (text: string) => {
      seen += text;
      if (killed || !/Namespace \S+ created/.test(seen)) return;
      killed = true;
      for (const name of ["etcd", "kube-apiserver"]) process.kill(nodeProcess(name), "SIGKILL");
    });
    const { code, stdout } = await ended;
    expect(killed).toBe(true);
    expect(code).not.toBe(0);
    expect(stdout).toMatch(/^ +error: .*API server at \S+ does not answer/m);
  });

  it("comes up when an earlier `make up` was killed in the middle", async () => {
    const { child, ended } = start("make", ["up"]);
    let seen = "";
    await new Promise<void>((resolve) => {
      child.stdout?.on("data", (text: string) => {
        seen += text;
        // The cluster runs, and most of the program is still to come.
        if (/(Deployment|Job) \S+ creat/.test(seen)) resolve();
      });
      void ended.then(() => resolve());
    });
    killGroup(child);
    await ended;
    first = await make("up");
    expect(first.code, first.stdout + first.stderr).toBe(0);
  });

  it("ends with the URL and a curl command that works as it stands", async () => {
    const [address, command] = first.stdout.trimEnd().split("\n").slice(-2);
    expect(address).toBe(url);
    expect(command).toMatch(/^curl -F image=@\S+ http:\/\/127\.0\.0\.1:8080\/predict$/);
    const { code, stdout } = await start("bash", ["-c", command ?? ""]).ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      label: "cat",
      model: { digest: (await health()).model.digest },
    });
  });

  it("said which stack and engine it took, and why", () => {
    expect(first.stderr).toContain("stack embedded: asked for by STACK");
    expect(first.stderr).toContain("embedded engine: asked for by PULUMI_ENGINE");
  });

  it("changes nothing the second time, and preview says so", async () => {
    const second = await make("up");
    expect(second.code).toBe(0);
    expect(second.stdout).toMatch(noChange);
    const preview = await make("preview", { EXPECT_NO_CHANGES: "1" });
    expect(preview.code, preview.stdout).toBe(0);
    expect(preview.stdout).toMatch(noChange);
  });

  it("lets one `make up` work at a time", async () => {
    const outcomes = await Promise.all([make("up"), make("up")]);
    const failed = outcomes.filter(({ code }) => code !== 0);
    expect(failed).toHaveLength(1);
    expect(errorLine(failed[0] as Outcome)).toMatch(
      /Another command works on this stack \(process \d+\)/,
    );
  });

  it("runs its pods under the restricted profile, from images with a digest", async () => {
    const namespace = await kubectlJson<{ metadata: { labels: Record<string, string> } }>(
      ...["get", "namespace", "cats-dogs"],
    );
    expect(namespace.metadata.labels["pod-security.kubernetes.io/enforce"]).toBe("restricted");
    const pods = await kubectlJson<{ items: { spec: { containers: { image: string }[] } }[] }>(
      ...["get", "pods", "-n", "cats-dogs"],
    );
    expect(pods.items.length).toBeGreaterThan(0);
    for (const { spec } of pods.items) {
      for (const { image } of spec.containers) expect(image).toMatch(/@sha256:[0-9a-f]{64}$/);
    }
  });

  it("declares objects that a real API server accepts whole", async () => {
    const declared = stateResources()
      // The state has a Secret's data encrypted.
      .filter(({ type }) => type.startsWith("kubernetes:") && !type.endsWith(":Secret"))
      .map(({ inputs }) => inputs);
    const overlay = await kubectl("kustomize", "deploy/overlays/embedded");
    const rendered = parseManifests<object>(
      overlay.stdout.replaceAll(PLACEHOLDER_DIGEST, await servingDigest()),
    );
    expect(rendered.length).toBeGreaterThan(6);
    const items = [...declared, ...rendered];
    const directory = mkdtempSync(join(tmpdir(), "dry-run-"));
    const file = join(directory, "objects.json");
    writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
    const applied = await kubectl(
      ...["apply", "--server-side", "--dry-run=server", "--validate=strict"],
      ...["--force-conflicts", "--field-manager=end-to-end-test", "--filename", file],
    );
    rmSync(directory, { recursive: true });
    expect(applied.code, applied.stderr).toBe(0);
    expect(applied.stdout.trim().split("\n")).toHaveLength(items.length);
  });

  it("keeps no secret in its state", () => {
    const text = readFileSync(stateFile, "utf8");
    expect(text).not.toMatch(/PRIVATE KEY|client-key-data|"KAGGLE_KEY":\s*"[^"]{6,}"/);
  });

  it("passes its smoke test again on demand", async () => {
    const smoke = await make("smoke");
    expect(smoke.code, smoke.stderr).toBe(0);
    expect(smoke.stdout).toContain("cat");
    expect(smoke.stdout).toContain("dog");
  });

  it("has tracked its training in MLflow: params, steps, files, and the champion that serves", async () => {
    const { get, close } = await openMlflow();
    try {
      const alias = { name: "image-classifier", alias: "champion" };
      const { model_version: version } = await get<{
        model_version: { run_id: string; tags: { key: string; value: string }[] };
      }>("registered-models/alias", alias);
      const { digest } = (await health()).model;
      expect(version.tags).toContainEqual({ key: "model_digest", value: digest });
      const { run_id } = version;
      const { run } = await get<{
        run: { info: { status: string }; data: { params: object[]; metrics: { key: string }[] } };
      }>("runs/get", { run_id });
      expect(run.info.status).toBe("FINISHED");
      expect(run.data.params).toContainEqual({ key: "source", value: "sample" });
      expect(run.data.metrics.map(({ key }) => key)).toEqual(
        expect.arrayContaining(["test_accuracy", "train_loss", "val_loss"]),
      );
      for (const [path, file] of [
        ["model", "model/model.onnx"],
        ["figures", "figures/confusion.png"],
      ] as const) {
        const { files } = await get<{ files: { path: string }[] }>("artifacts/list", {
          ...{ run_id, path },
        });
        expect(files.map((each) => each.path)).toContain(file);
      }
    } finally {
      await close();
    }
  });

  it("judges the service's answers from here, and writes each of them", async () => {
    const outcome = await make("evaluate");
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(outcome.stdout).toMatch(/^accuracy \d+\.\d\d % .* on 40 pictures/m);
    const rows = readFileSync(join(repository, "artifacts/post_deploy_eval.csv"), "utf8");
    expect(rows.trim().split("\r\n")).toHaveLength(41);
    expect(rows).toContain((await health()).model.digest);
  });

  it("judges them from inside the cluster, too", async () => {
    const job = ["job/evaluation-trial", "-n", "cats-dogs"];
    const created = await kubectl(
      ...["create", "job", "evaluation-trial", "-n", "cats-dogs"],
      "--from=cronjob/post-deploy-evaluation",
    );
    expect(created.code, created.stderr).toBe(0);
    const waited = await kubectl("wait", "--for=condition=complete", "--timeout=600s", ...job);
    const logs = await kubectl("logs", ...job);
    expect(waited.code, logs.stdout).toBe(0);
    expect(logs.stdout).toMatch(/^accuracy \d+\.\d\d % .* on 40 pictures/m);
    expect((await kubectl("delete", ...job)).code).toBe(0);
  });

  it("refuses what is no photo with problem details", async () => {
    const answer = await predict("package.json");
    expect(answer.status).toBe(415);
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
  });

  it("rolls out without a failed request", async () => {
    const pods = ["get", "pods", "-n", "cats-dogs", "-l", "app.kubernetes.io/name=api"];
    const old = (await kubectl(...pods, "-o", "name")).stdout.trim();
    const load = steadyLoad(() => predict("artifacts/samples/cat.0.png"));
    expect((await kubectl("rollout", "restart", "deployment/api", "-n", "cats-dogs")).code).toBe(0);
    const status = await kubectl(
      ...["rollout", "status", "deployment/api", "-n", "cats-dogs", "--timeout=600s"],
    );
    expect(status.code, status.stderr).toBe(0);
    // Until the old pod has drained and gone.
    const gone = await kubectl(
      ...["wait", "--for=delete", old, "-n", "cats-dogs", "--timeout=600s"],
    );
    expect(gone.code, gone.stderr).toBe(0);
    const { sent, failures } = await load.stop();
    expect(sent).toBeGreaterThan(20);
    expect(failures).toEqual([]);
  });

  it("comes back with its data when processes of the node were killed", async () => {
    const { digest } = (await health()).model;
    for (const name of ["etcd", "kube-apiserver", "kubelet", "containerd", "kube-proxy"]) {
      process.kill(nodeProcess(name), "SIGKILL");
    }
    const healed = await make("up");
    expect(healed.code, healed.stdout + healed.stderr).toBe(0);
    expect(healed.stdout).toMatch(noChange);
    expect((await health()).model.digest).toBe(digest);
  });

  it("shows what runs", async () => {
    const status = await make("status");
    expect(status.code).toBe(0);
    expect(status.stdout).toMatch(/kube-apiserver\s+process \d+/);
    expect(status.stdout).toContain((await health()).model.digest);
  });

  it("leaves nothing behind, even in the middle of a sync and after a `make down` that was killed", async () => {
    const copy = await openDeployRepository();
    await copy.edit(DEPLOYMENT, withVariable("MODEL_POLL", "2"));
    await copy.commit("nobody waits for it");
    // The sync has come to its hook, which nobody but Argo CD releases.
    await eventually(async () => {
      const job = await kubectlJson<{ metadata: { finalizers?: string[] } }>(
        ...["get", "job/smoke-test", "-n", "cats-dogs"],
      );
      expect(job.metadata.finalizers).toContain("argocd.argoproj.io/hook-finalizer");
    }, 300);
    rmSync(copy.directory, { recursive: true });
    const { child, ended } = start("make", ["down"]);
    let seen = "";
    await new Promise<void>((resolve) => {
      child.stdout?.on("data", (text: string) => {
        seen += text;
        if (/deleted/.test(seen)) resolve();
      });
      void ended.then(() => resolve());
    });
    killGroup(child);
    await ended;
    const down = await make("down");
    expect(down.code, down.stdout + down.stderr).toBe(0);
    // What was told to end may still be ending.
    await eventually(async () => expect(await footprint()).toEqual(before), 120);
  });
});
