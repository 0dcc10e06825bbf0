import { createHash } from "node:crypto";
import { access, mkdir, mkdtemp, readFile, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { say, step } from "../../console.ts";
import { binaryDirectory, cacheDirectory } from "../../paths.ts";
import { runCommand } from "../../run-command.ts";
import { TOOL_MODULES, type ToolModule, type ToolModuleName } from "./catalogue.ts";

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const fingerprint = async (directory: string, module: ToolModule): Promise<string> => {
  const hash = createHash("sha256");
  for (const file of ["go.mod", "go.sum"]) hash.update(await readFile(join(directory, file)));
  return hash.update(JSON.stringify(module)).digest("hex").slice(0, 12);
};

/** Points `<cache>/bin/<name>` at a built binary; the switch is atomic, so that a running `make up` never misses it. */
const link = async (target: string, name: string): Promise<void> => {
  await mkdir(binaryDirectory, { recursive: true });
  const temporary = join(binaryDirectory, `.${name}.${process.pid}`);
  await rm(temporary, { force: true });
  await symlink(target, temporary);
  await rename(temporary, join(binaryDirectory, name));
};

/**
 * Makes sure that the programs of a module are built from its pinned sources and linked in `binaryDirectory`.
 * What is there already, by the digest of go.mod and go.sum, is not built again.
 */
export const ensureTools = async (name: ToolModuleName): Promise<void> => {
  const module: ToolModule = TOOL_MODULES[name];
  const source = join(import.meta.dirname, name);
  const home = join(cacheDirectory, "tools");
  const built = join(home, `${name}-${module.version}-${await fingerprint(source, module)}`);
  if (!(await exists(built))) {
    if (module.minutes > 1)
      say(`  ${name} is built once; that takes about ${module.minutes} minutes on two cores.`);
    await mkdir(home, { recursive: true });
    // Built beside its place and renamed: a killed build leaves nothing that looks finished.
    const temporary = await mkdtemp(join(home, `.${name}-`));
    try {
      await step(`building ${name} ${module.version} from source`, () =>
        compile(source, module, temporary),
      );
      await rename(temporary, built);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      throw error;
    }
  }
  for (const binary of Object.keys(module.packages)) await link(join(built, binary), binary);
};

const compile = async (source: string, module: ToolModule, target: string): Promise<void> => {
  const env = {
    ...process.env,
    // Static: the same binaries run in images FROM scratch.
    CGO_ENABLED: "0",
    GOFLAGS: "-mod=readonly",
    GOWORK: "off",
    // The compiler collects its garbage less often: a tenth less of its time, for memory that it gives back.
    GOGC: "400",
  };
  const ldflags = `-s -w ${module.ldflags ?? ""}`.trim();
  const build = (packages: string[], output: string): Promise<string> =>
    runCommand("go", ["build", "-trimpath", "-ldflags", ldflags, "-o", output, ...packages], {
      cwd: source,
      env,
    });
  const entries = Object.entries(module.packages);
  const [only] = entries;
  // One package's binary would be named after its path's last part (v3); several take their own names.
  if (entries.length === 1 && only) await build([only[1]], join(target, only[0]));
  else await build(Object.values(module.packages), `${target}/`);
};
