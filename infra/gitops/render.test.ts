import { beforeAll, describe, expect, it } from "vitest";
import { parseSettings } from "../config/read-settings.ts";
import { type Manifest, renderServices } from "./render.ts";
import { strategicPatch } from "./strategic-patch.ts";

const everything = {
  batch: { redis: true, image: `docker.io/library/redis:8@sha256:${"a".repeat(64)}` },
  service: {
    access: { keys: "/home/ada/api-keys.json", rateLimit: 5 },
    sampling: { enabled: true },
    storage: { kind: "volume" },
    traces: { endpoint: "http://collector:4318" },
  },
};

let rendered: Readonly<Record<"base" | "full", readonly Manifest[]>>;
beforeAll(async () => {
  rendered = await renderServices({
    base: { settings: parseSettings({}), exposure: "clusterIP" },
    full: { settings: parseSettings(everything), exposure: "clusterIP" },
  });
});

// biome-ignore lint/suspicious/noExplicitAny: tests look into objects of many kinds
const specOf = (variant: "base" | "full", kind: string): any =>
  rendered[variant].find((manifest) => manifest.kind === kind)?.["spec"];

describe("what Argo CD deploys", () => {
  it("names Secrets and claims, which stay this program's, and holds none of them", () => {
    const kinds = new Set(rendered.full.map(({ kind }) => kind));
    expect(kinds).not.toContain("Secret");
    expect(kinds).not.toContain("PersistentVolumeClaim");
    const text = JSON.stringify(rendered.full);
    expect(text).not.toContain("/home/ada");
    expect(text).not.toMatch(/sha256|icp_|redis:\/\//);
    const { volumes } = specOf("full", "Deployment").template.spec;
    expect(volumes.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(["api-keys", "samples", "outputs"]),
    );
  });

  it("brings the smoke test its key", () => {
    const [container] = specOf("full", "Job").template.spec.containers;
    expect(container.env).toEqual([
      { name: "API_KEY", valueFrom: { secretKeyRef: { name: "platform-api-key", key: "key" } } },
    ]);
    expect(specOf("base", "Job").template.spec.containers[0]).not.toHaveProperty("env");
  });

  it("opens the ports that the pods need, and is laid over the base without taking anything away", () => {
    const { egress } = specOf("full", "NetworkPolicy");
    const ports = egress.flatMap(({ ports }: { ports: { port: number }[] }) =>
      ports.map(({ port }) => port),
    );
    expect(ports).toEqual([53, 53, 9090, 6379, 4318]);
    const patch = strategicPatch(specOf("base", "Deployment"), specOf("full", "Deployment"));
    expect(patch).toMatchObject({
      template: { spec: { containers: [{ name: "api" }] } },
    });
  });
});
