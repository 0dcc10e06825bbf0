import { createHash } from "node:crypto";
import {
  access,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
} from "node:fs/promises";
import { tmpdir } from "node:os";
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
  const files = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = files
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name));
  for (const path of paths.sort()) hash.update(await readFile(path));
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
 * What is there already, by the digest of the module's files, is not built again.
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

/**
 * Copies a module that is required, puts the files of this folder's `instead/` in the place of its own, and takes the copy for the
 * module: what go's `-overlay` is for, which refuses files of the module cache.
 *
 * @returns the flag that makes `go build` use it
 */
const replaceFiles = async (source: string, path: string, scratch: string): Promise<string> => {
  const { Dir } = JSON.parse(
    await runCommand("go", ["mod", "download", "-json", path], { cwd: source }),
  ) as {
    Dir: string;
  };
  const copy = join(scratch, "module");
  await cp(Dir, copy, { recursive: true });
  await cp(join(source, "instead"), copy, { recursive: true, force: true });
  const modfile = join(scratch, "go.mod");
  for (const file of ["go.mod", "go.sum"]) await cp(join(source, file), join(scratch, file));
  await runCommand("go", ["mod", "edit", `-replace=${path}=${copy}`, modfile]);
  return `-modfile=${modfile}`;
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
  const scratch = await mkdtemp(join(tmpdir(), "go-module-"));
  try {
    const replaced = module.replaces ? [await replaceFiles(source, module.replaces, scratch)] : [];
    const build = (packages: string[], output: string): Promise<string> =>
      runCommand(
        "go",
        ["build", ...replaced, "-trimpath", "-ldflags", ldflags, "-o", output, ...packages],
        { cwd: source, env },
      );
    const entries = Object.entries(module.packages);
    const [only] = entries;
    // One package's binary would be named after its path's last part (v3); several take their own names.
    if (entries.length === 1 && only) await build([only[1]], join(target, only[0]));
    else await build(Object.values(module.packages), `${target}/`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};
