import * as pulumi from "@pulumi/pulumi";
import { BATCH_QUEUE } from "../components/batch-queue.ts";
import { InferenceService } from "../components/inference-service.ts";
import { MONITORING } from "../components/monitoring/monitoring.ts";
import { SmokeTest } from "../components/smoke-test.ts";
import type { Settings } from "../config/settings.ts";

/** A Kubernetes object as it stands in a file. */
export type Manifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
  } & Readonly<Record<string, unknown>>;
} & Readonly<Record<string, unknown>>;

/** Name of the service's image in the rendered files; an overlay gives it its digest. */
export const SERVICE_IMAGE = "docker.io/cats-dogs/service";
/** Where everything that is rendered goes. */
const NAMESPACE = "cats-dogs";

/** What the rendered objects depend on. */
export type RenderOptions = {
  readonly settings: Pick<Settings, "batch" | "gitops" | "modelStore" | "monitoring" | "service">;
  readonly exposure: "nodePort" | "clusterIP";
};

/** Runs components under the SDK's mocks, and gives the objects that they declare by the name of their component. */
const record = async (
  program: () => readonly pulumi.Output<unknown>[],
): Promise<ReadonlyMap<string, Manifest[]>> => {
  const declared = new Map<string, Manifest[]>();
  await pulumi.runtime.setMocks({
    call: ({ token }) => {
      throw new Error(`a rendered component calls ${token}, which only an engine answers`);
    },
    newResource: ({ type, name, inputs }) => {
      if (type.startsWith("kubernetes:")) {
        declared.set(name, [...(declared.get(name) ?? []), inputs as Manifest]);
      }
      return { id: name, state: inputs };
    },
  });
  const outputs = pulumi.all([...program()]);
  await new Promise((resolve) => {
    outputs.apply(resolve);
  });
  await pulumi.runtime.disconnect();
  return declared;
};

/** Argo CD is the one owner of what it deploys: no label may say otherwise. */
const ownedByArgoCd = (manifest: Manifest): Manifest =>
  JSON.parse(
    JSON.stringify(manifest).replaceAll(
      '"app.kubernetes.io/managed-by":"pulumi"',
      '"app.kubernetes.io/managed-by":"argocd"',
    ),
  ) as Manifest;

const declare = (name: string, { settings, exposure }: RenderOptions) => {
  const shared = {
    namespace: NAMESPACE,
    image: SERVICE_IMAGE,
    modelStore: {
      claim: pulumi.output("model-store"),
      shared: settings.modelStore.accessMode === "ReadWriteMany",
    },
  };
  const { scale, port, resources } = settings.service;
  const { progressDeadline } = settings.gitops;
  const service = new InferenceService(name, {
    ...shared,
    exposure,
    scale,
    port,
    resources,
    features: settings.service,
    progressDeadline,
    ...(settings.monitoring.enabled && { monitoring: MONITORING }),
    ...(settings.batch.redis && { batchQueue: BATCH_QUEUE }),
  });
  const smokeTest = new SmokeTest(name, {
    ...shared,
    service,
    keyed: settings.service.access.keys !== undefined,
    precision: settings.service.models.precision,
    trigger: { kind: "sync" },
  });
  return [service.clusterUrl, service.fingerprint, smokeTest.job];
};

const keyOf = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.name}`;

/**
 * The objects of the service and of its smoke test for each of several settings, from the very components that the program
 * deploys without GitOps, run under the SDK's mocks. Sorted, so that the same settings give the same files. Can run once in a
 * process: the SDK has one engine.
 */
export const renderServices = async <Name extends string>(
  variants: Readonly<Record<Name, RenderOptions>>,
): Promise<Readonly<Record<Name, readonly Manifest[]>>> => {
  const entries = Object.entries<RenderOptions>(variants);
  const declared = await record(() => entries.flatMap(([name, options]) => declare(name, options)));
  const rendered = entries.map(([name]) => [
    name,
    (declared.get(name) ?? []).map(ownedByArgoCd).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)),
  ]);
  return Object.fromEntries(rendered) as Record<Name, Manifest[]>;
};
