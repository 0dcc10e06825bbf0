import { describe, expect, it } from "vitest";
import { configureProvider } from "./register-provider.ts";
import type { ResourceState } from "./resource-state.ts";
import type { Session } from "./session.ts";
import { createJournal } from "./state/journal.ts";

const TYPE = "pulumi:providers:kubernetes";
const COMMAND = "command:local:Command";
const urn = (name: string): string => `urn:pulumi:dev::p::t::${name}`;
const resource = (name: string, more: Partial<ResourceState> = {}): ResourceState => ({
  ...{ urn: urn(name), custom: true, type: "kubernetes:core/v1:Secret" },
  ...more,
});
const inCluster = { provider: `${urn("provider")}::id` };

/** A cluster that a command makes, an object in it, and commands that were run before and behind that. */
const BEFORE = [
  resource("cluster", { type: COMMAND }),
  resource("provider", {
    ...{ type: TYPE, dependencies: [urn("cluster")] },
    outputs: { __clusterIdentity: "first" },
  }),
  resource("image", { type: COMMAND, dependencies: [urn("cluster"), urn("provider")] }),
  resource("secret", inCluster),
  resource("random", { type: "random:index/randomBytes:RandomBytes" }),
  resource("installed", { type: COMMAND, dependencies: [urn("secret")] }),
  resource("pushed", { type: COMMAND, propertyDependencies: { triggers: [urn("secret")] } }),
];

/** What the state has left when the provider finds a cluster of this identity. */
const leftOn = async (identity: string): Promise<readonly string[]> => {
  const journal = createJournal(BEFORE, async () => undefined);
  const session = {
    dryRun: false,
    journal,
    providers: {
      kubernetes: { identify: async () => identity },
      command: { supports: (type: string) => type === COMMAND },
    },
    display: { message: () => undefined },
  };
  await configureProvider(session as unknown as Session, urn("provider"), TYPE, {});
  return journal.all().map((each) => each.urn.split("::").at(-1) ?? "");
};

describe("configureProvider", () => {
  it("forgets the objects of a cluster that is no more, and the commands that worked with them", async () => {
    expect(await leftOn("second")).toEqual(["cluster", "provider", "image", "random"]);
  });

  it("forgets nothing on the same cluster", async () => {
    expect(await leftOn("first")).toHaveLength(BEFORE.length);
  });
});
