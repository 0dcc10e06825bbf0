import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { podTemplates } from "../../infra/components/testing/pod-security.ts";
import { type Recording, recordProgram } from "../../infra/components/testing/record-program.ts";
import {
  type ApiServer,
  missingApiServer,
  startApiServer,
} from "../../infra/embedded/engine/testing/api-server.ts";
import { exemptions } from "../../infra/policy/exemptions.ts";
import { judge } from "../../infra/policy/testing/judge.ts";

const PREFIX = "image-classification-platform:";
const guide = join(import.meta.dirname, "..", "..", "docs", "existing-cluster.md");

/** The stack file of docs/existing-cluster.md, as the program gets it; its kubeconfig is one that is there. */
const exampleConfig = async (kubeconfig: string): Promise<Record<string, object>> => {
  const [, yaml = ""] = /```yaml\n(.*?)```/s.exec(await readFile(guide, "utf8")) ?? [];
  const { config } = parse(yaml) as { readonly config: Record<string, object> };
  const settings = Object.entries(config).map(([key, value]) => {
    expect(key.startsWith(PREFIX)).toBe(true);
    return [key.slice(PREFIX.length), value] as const;
  });
  const { cluster, ...rest } = Object.fromEntries(settings);
  expect(cluster).toMatchObject({ kind: "existing", kubeconfig: "~/.kube/config" });
  return { ...rest, cluster: { ...cluster, kubeconfig }, training: { source: "sample" } };
};

let directory: string;
let kubeconfig: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "existing-"));
  kubeconfig = join(directory, "kubeconfig");
  await writeFile(kubeconfig, "");
});
afterAll(() => rm(directory, { recursive: true }));

const record = (config: Record<string, object>): Promise<Recording> =>
  recordProgram(() => import("../../infra/index.ts"), { stack: "lab", config });

describe("the worked example of docs/existing-cluster.md", () => {
  let recording: Recording;
  beforeAll(async () => {
    recording = await record(await exampleConfig(kubeconfig));
  });
  const inputsOf = (type: string) => recording.resources.find((r) => r.type === type)?.inputs;

  it("is a stack file that the program takes, and means what the guide says", () => {
    expect(inputsOf("kubernetes:autoscaling/v2:HorizontalPodAutoscaler").spec).toMatchObject({
      ...{ minReplicas: 3, maxReplicas: 12 },
    });
    expect(inputsOf("kubernetes:core/v1:PersistentVolumeClaim").spec).toMatchObject({
      ...{ accessModes: ["ReadWriteMany"], storageClassName: "nfs-client" },
    });
    const { spec } = podTemplates(recording)["api"];
    expect(spec.topologySpreadConstraints).toHaveLength(2);
    expect(spec.containers[0].image).toMatch(/^registry\.example\.org\/vision\/service@sha256:/);
  });

  it("keeps to the policies of an existing cluster", async () => {
    expect(await judge("existing", recording.resources, exemptions)).toEqual([]);
  });
});

/** Charts themselves, and objects of kinds that only a chart brings. */
const FROM_CHARTS = /^kubernetes:(helm\.sh|monitoring\.coreos\.com)\//;

const missing = missingApiServer();
if (missing !== undefined) process.stderr.write(`dry run of objects skipped: ${missing}\n`);

describe.skipIf(missing !== undefined)(
  "objects for an existing cluster, on a real API server",
  () => {
    let server: ApiServer;
    beforeAll(async () => {
      server = await startApiServer();
    });
    afterAll(() => server.stop());

    type KubernetesObject = {
      readonly apiVersion: string;
      readonly kind: string;
      readonly metadata: { readonly name: string; readonly namespace?: string };
    };

    /** The object's own address. */
    const pathOf = async ({ apiVersion, kind, metadata }: KubernetesObject): Promise<string> => {
      const base = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
      const { resources } = (await server.client.request({ method: "GET", path: base })) as {
        readonly resources: readonly { readonly kind: string; readonly name: string }[];
      };
      const plural = resources.find((r) => r.kind === kind && !r.name.includes("/"))?.name;
      const namespace = metadata.namespace === undefined ? "" : `/namespaces/${metadata.namespace}`;
      return `${base}${namespace}/${plural}/${metadata.name}`;
    };
    const apply = async (body: KubernetesObject, query: Record<string, string>): Promise<unknown> =>
      server.client.request({
        ...{ method: "PATCH", path: await pathOf(body), body },
        contentType: "application/apply-patch+yaml",
        query: { fieldManager: "test", fieldValidation: "Strict", ...query },
      });

    it.each([
      ["with a shared model store", {}],
      ["with a store that one node mounts", { modelStore: { accessMode: "ReadWriteOnce" } }],
      ["with a number of pods", { service: { replicas: 4 } }],
    ])("%s are accepted whole, and so are their pods", async (_, changes) => {
      const recording = await record({ ...(await exampleConfig(kubeconfig)), ...changes });
      const objects = recording.resources
        .filter(({ type }) => type.startsWith("kubernetes:") && !FROM_CHARTS.test(type))
        .map(({ inputs }) => inputs as KubernetesObject)
        // Its generated password is nothing that mocks know.
        .filter(({ kind }) => kind !== "Secret");
      const pods = Object.entries(podTemplates(recording)).map(([name, { metadata, spec }]) => ({
        ...{ apiVersion: "v1", kind: "Pod", spec: { restartPolicy: "Always", ...spec } },
        metadata: { ...metadata, name, namespace: "cats-dogs" },
      }));
      expect(objects.length).toBeGreaterThan(10);
      expect(pods.map(({ metadata }) => metadata.name).sort()).toEqual([
        ...["api", "evaluation", "smoke-test", "tracking", "training"],
      ]);
      // The one that must exist for the others to be judged; it enforces the pod-security profile.
      for (const each of objects.filter(({ kind }) => kind === "Namespace")) await apply(each, {});
      for (const each of [...objects, ...pods]) {
        await expect(apply(each, { dryRun: "All" })).resolves.toMatchObject({ kind: each.kind });
      }
    });
  },
);
