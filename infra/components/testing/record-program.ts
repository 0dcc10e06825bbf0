import * as pulumi from "@pulumi/pulumi";
import { vi } from "vitest";

/** What the program asked the engine to register. */
export type Recorded = {
  readonly type: string;
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into objects of many kinds
  readonly inputs: any;
  readonly urn: string;
  readonly parent: string | undefined;
  /** URN and id of the provider. */
  readonly provider: string | undefined;
};

/** What a run of the program, or of a part of it, did. */
export type Recording = {
  readonly resources: readonly Recorded[];
  /** Types of the components that registered outputs. */
  readonly registeredOutputs: ReadonlySet<string>;
};

/** How the mocked engine behaves. */
export type RecordingOptions = {
  readonly stack?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  /** A preview knows no output of commands and no identity of objects. */
  readonly preview?: boolean;
};

const PROJECT = "image-classification-platform";

/** What the SDK takes as "known after the deployment". */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const commandOutput = (create: string): string => {
  const assembled = / assemble (\S+)/.exec(create)?.[1];
  if (assembled) return `quay.io/${assembled}:v1.2.3@sha256:${"2".repeat(64)}\n`;
  const image = / --name (\S+)/.exec(create)?.[1];
  return image ? `${image}@sha256:${"1".repeat(64)}\n` : "/state/kubeconfig";
};

const stateOf = (args: pulumi.runtime.MockResourceArgs, preview: boolean) => {
  if (args.type === "command:local:Command") {
    return { ...args.inputs, stdout: preview ? UNKNOWN : commandOutput(args.inputs.create) };
  }
  if (args.type === "random:index/randomBytes:RandomBytes") {
    return {
      ...args.inputs,
      base64: preview ? UNKNOWN : "bm90IHJhbmRvbQ==",
      hex: preview ? UNKNOWN : "6e6f742072616e646f6d",
    };
  }
  if (args.type === "random:index/randomPassword:RandomPassword") {
    return { ...args.inputs, result: preview ? UNKNOWN : "not-random" };
  }
  if (!args.type.startsWith("kubernetes:")) return args.inputs;
  const uid = preview ? UNKNOWN : `uid of ${args.name}`;
  return { ...args.inputs, metadata: { ...args.inputs.metadata, uid } };
};

/**
 * Runs a program with the SDK's mocks and records what it registers. Modules of this repository must be imported inside
 * `program`: they take the mocked engine from the SDK when they are loaded.
 */
export const recordProgram = async (
  program: () => Promise<unknown>,
  { stack = "test", config = {}, preview = false }: RecordingOptions = {},
): Promise<Recording> => {
  vi.resetModules();
  const resources: Omit<Recorded, "urn" | "parent">[] = [];
  const registeredOutputs = new Set<string>();
  const settled: Promise<unknown>[] = [];
  await pulumi.runtime.setMocks(
    {
      call: ({ token }) => {
        throw new Error(`the embedded engine has no invoke, but the program calls ${token}`);
      },
      newResource: (args) => {
        const { type, name, inputs, provider } = args;
        resources.push({ type, name, inputs, provider: provider || undefined });
        return { id: `${name}-id`, state: stateOf(args, preview) };
      },
    },
    PROJECT,
    stack,
    preview,
  );
  pulumi.runtime.setAllConfig(
    Object.fromEntries(
      Object.entries(config).map(([key, value]) => [`${PROJECT}:${key}`, JSON.stringify(value)]),
    ),
  );
  // registerOutputs is protected; it is where a component says that it is complete.
  const spy = vi
    // biome-ignore lint/suspicious/noExplicitAny: see above
    .spyOn(pulumi.ComponentResource.prototype as any, "registerOutputs")
    .mockImplementation(function (this: unknown, outputs: unknown) {
      // The SDK itself calls it, without outputs, for a component that does not.
      if (outputs === undefined) return;
      registeredOutputs.add(Reflect.get(Object(this), "__pulumiType"));
      // A preview's unknown outputs settle too, but only this internal promise says so.
      settled.push(
        Reflect.apply(Reflect.get(pulumi.output(outputs), "promise"), pulumi.output(outputs), [
          true,
        ]),
      );
    });
  try {
    const monitor = pulumi.runtime.getMonitor();
    await program();
    await Promise.all(settled);
    await pulumi.runtime.disconnect();
    const urns: string[] = [...Reflect.get(Object(monitor), "resources").keys()];
    return { resources: resources.map((r) => locate(r, urns)), registeredOutputs };
  } finally {
    spy.mockRestore();
  }
};

/** Records the whole program, on the embedded cluster and as the owner of the service unless the settings say otherwise. */
export const recordPlatform = (
  config: Readonly<Record<string, unknown>> = {},
  preview = false,
): Promise<Recording> =>
  recordProgram(() => import("../../index.ts"), {
    config: { cluster: { kind: "embedded" }, gitops: { enabled: false }, ...config },
    preview,
  });

const locate = (resource: Omit<Recorded, "urn" | "parent">, urns: readonly string[]): Recorded => {
  const urn = urns.find((u) => u.endsWith(`${resource.type}::${resource.name}`)) ?? "";
  const types = (urn.split("::")[2] ?? "").split("$");
  return { ...resource, urn, parent: types.at(-2) };
};
