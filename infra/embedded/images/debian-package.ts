import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand, tryCommand } from "../../run-command.ts";
import { UserError } from "../../user-error.ts";

const candidate = async (name: string): Promise<string | undefined> => {
  const { stdout } = await tryCommand("apt-cache", ["policy", name]);
  const version = /^\s*Candidate: (\S+)$/m.exec(stdout)?.[1];
  return version === "(none)" ? undefined : version;
};

/** The version of a package that Debian offers this machine, such as `2.42.0+ds-5+deb12u1`. @throws UserError */
export const debianVersion = async (name: string): Promise<string> => {
  const known = await candidate(name);
  if (known !== undefined) return known;
  // A fresh machine has no lists yet.
  await runCommand("apt-get", ["update", "-qq"]);
  const version = await candidate(name);
  if (version !== undefined) return version;
  throw new UserError(
    `Debian offers no package ${name} here; add its main component to /etc/apt/sources.list.`,
  );
};

/** Unpacks a Debian package, which is not installed, into a directory. @throws UserError */
export const unpackDebian = async (name: string, directory: string): Promise<void> => {
  const version = await debianVersion(name);
  await mkdir(directory, { recursive: true });
  const work = await mkdtemp(join(tmpdir(), "debian-"));
  try {
    const download = ["-o", "APT::Sandbox::User=root", "-qq", "download", `${name}=${version}`];
    const first = await tryCommand("apt-get", download, { cwd: work });
    if (first.code !== 0) {
      // Old lists name a version that the archive has replaced.
      await runCommand("apt-get", ["update", "-qq"]);
      await runCommand("apt-get", ["-o", "APT::Sandbox::User=root", "-qq", "download", name], {
        cwd: work,
      });
    }
    for (const file of await readdir(work)) {
      await runCommand("dpkg-deb", ["--extract", join(work, file), directory]);
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
};
