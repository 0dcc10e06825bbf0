import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { deployedByArgoCd } from "../gitops/owner.ts";
import { repositoryDirectory } from "../paths.ts";
import { tryCommand } from "../run-command.ts";
import { UserError } from "../user-error.ts";

/** Version of the npm package `pulumi`, which brings the real CLI where the internet can be reached. */
const PULUMI_CLI = "pulumi@3.265.0";

/** How to call the Pulumi CLI: the program and its first arguments. */
type PulumiCli = readonly [program: string, ...args: string[]];

/** What a stack's file says of its cluster; the program checks it, here is only what is needed before the program runs. */
type DeclaredCluster = {
  readonly kind: "embedded" | "minikube" | "existing";
  readonly profile: string;
};

/** What a command works on and with, and why: the reasons are for people. */
export type Selection = {
  readonly stack: string;
  readonly stackReason: string;
  readonly cluster: DeclaredCluster;
  /** Port of the service on this machine. */
  readonly servicePort: number;
  /** Whether the policy pack judges what the program declares. */
  readonly policies: boolean;
  /** Whether Argo CD deploys the service. */
  readonly argoCd: boolean;
  readonly engine: "embedded" | "cli";
  readonly engineReason: string;
  readonly cli: PulumiCli;
};

const works = async (
  program: string,
  args: readonly string[],
  timeout = 15_000,
): Promise<boolean> => {
  try {
    return (await tryCommand(program, args, { timeout })).code === 0;
  } catch {
    return false;
  }
};

const declaredStacks = async (): Promise<string[]> =>
  (await readdir(repositoryDirectory)).flatMap(
    (file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? [],
  );

const readStack = async (
  stack: string,
): Promise<Pick<Selection, "cluster" | "servicePort" | "policies" | "argoCd">> => {
  const path = join(repositoryDirectory, `Pulumi.${stack}.yaml`);
  const file = parse(await readFile(path, "utf8")) as {
    config?: {
      readonly "image-classification-platform:cluster"?: Partial<DeclaredCluster>;
      readonly "image-classification-platform:service"?: { readonly port?: number };
      readonly "image-classification-platform:gitops"?: {
        readonly enabled?: boolean;
        readonly repository?: string;
      };
      readonly "image-classification-platform:policies"?: boolean | string;
    };
  } | null;
  const declared = file?.config;
  const cluster: DeclaredCluster = {
    kind: "minikube",
    profile: "cats-dogs",
    ...declared?.["image-classification-platform:cluster"],
  };
  return {
    cluster,
    argoCd: deployedByArgoCd({
      cluster,
      gitops: declared?.["image-classification-platform:gitops"] ?? {},
    }),
    servicePort: declared?.["image-classification-platform:service"]?.port ?? 8080,
    // `pulumi config set` writes text.
    policies: String(declared?.["image-classification-platform:policies"]) !== "false",
  };
};

const selectStack = async (asked: string | undefined): Promise<[string, string]> => {
  if (asked) {
    const path = join(repositoryDirectory, `Pulumi.${asked}.yaml`);
    await access(path).catch(async () => {
      throw new UserError(
        `STACK=${asked} has no Pulumi.${asked}.yaml; take one of: ${(await declaredStacks()).sort().join(", ")}.`,
      );
    });
    return [asked, "asked for by STACK"];
  }
  if ((await works("docker", ["info"])) && (await works("minikube", ["version"]))) {
    return ["dev", "Docker and Minikube are here"];
  }
  return ["embedded", "no Docker engine with Minikube here"];
};

const selectEngine = async (
  stack: string,
  asked: string,
): Promise<Pick<Selection, "engine" | "engineReason" | "cli">> => {
  const installed: PulumiCli = ["pulumi"];
  const downloaded: PulumiCli = ["npx", "--yes", PULUMI_CLI];
  switch (asked) {
    case "embedded":
      return { engine: "embedded", engineReason: "asked for by PULUMI_ENGINE", cli: installed };
    case "cli": {
      const cli = (await works("pulumi", ["version"])) ? installed : downloaded;
      return { engine: "cli", engineReason: "asked for by PULUMI_ENGINE", cli };
    }
    case "auto": {
      if (await works("pulumi", ["version"])) {
        return { engine: "cli", engineReason: "the Pulumi CLI is installed", cli: installed };
      }
      // Only where the internet is needed anyway: elsewhere the attempt costs a time-out.
      if (stack === "dev" && (await works("npx", ["--yes", PULUMI_CLI, "version"], 120_000))) {
        return {
          engine: "cli",
          engineReason: `${PULUMI_CLI} from npm works here`,
          cli: downloaded,
        };
      }
      return { engine: "embedded", engineReason: "no Pulumi CLI here", cli: installed };
    }
    default:
      throw new UserError(`PULUMI_ENGINE=${asked} is not known; take cli, embedded or auto.`);
  }
};

/**
 * Chooses stack and engine: by the variables STACK and PULUMI_ENGINE, else by what this machine has.
 *
 * @throws UserError when a variable names something that does not exist
 */
export const select = async (environment: NodeJS.ProcessEnv): Promise<Selection> => {
  const [stack, stackReason] = await selectStack(environment["STACK"] || undefined);
  const engine = await selectEngine(stack, environment["PULUMI_ENGINE"] || "auto");
  return { stack, stackReason, ...(await readStack(stack)), ...engine };
};
