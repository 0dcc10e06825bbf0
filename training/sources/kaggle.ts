import { openAsBlob } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { BlobReader, type FileEntry, Uint8ArrayWriter, ZipReader } from "@zip.js/zip.js";
import { z } from "zod";
import { ImageError } from "../../model/image-error.ts";
import { UserError } from "../user-error.ts";
import { downloadFile } from "./download.ts";
import { isPicture, labelOfFile } from "./label.ts";
import type { Photo, Source } from "./source.ts";

/** A Kaggle API token. */
export type KaggleToken = { readonly username: string; readonly key: string };

const COMPETITION = "dogs-vs-cats";
const FILE = "train.zip";
const tokenSchema = z.object({ username: z.string().min(1), key: z.string().min(1) });

/**
 * The token in `KAGGLE_USERNAME` and `KAGGLE_KEY`, or in `~/.kaggle/kaggle.json`; undefined when neither is there.
 *
 * @throws UserError when the file is not a token
 */
export const findKaggleToken = async (
  environment: NodeJS.ProcessEnv = process.env,
  home = homedir(),
): Promise<KaggleToken | undefined> => {
  const { KAGGLE_USERNAME: username, KAGGLE_KEY: key } = environment;
  if (username && key) return { username, key };
  const path = join(home, ".kaggle", "kaggle.json");
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return tokenSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new UserError(
      `${path} is not a Kaggle token; download it again from https://www.kaggle.com/settings.`,
      { cause: error },
    );
  }
};

const refuse = (status: number): string => {
  switch (status) {
    case 401:
      return "Kaggle refuses the token; make a new one at https://www.kaggle.com/settings.";
    case 403:
      return `Kaggle denies the data; accept the rules at https://www.kaggle.com/c/${COMPETITION}/rules with the token's account.`;
    case 429:
      return "Kaggle says that there were too many requests; try again later.";
    default:
      return `Kaggle answered with HTTP status ${status}; try again later.`;
  }
};

const readEntry = async (entry: FileEntry): Promise<Uint8Array> => {
  try {
    return await entry.getData(new Uint8ArrayWriter(), { checkSignature: true });
  } catch (error) {
    throw new ImageError("undecodable", `The file is damaged in ${FILE}.`, { cause: error });
  }
};

/**
 * The 25,000 photos of Kaggle's Dogs vs. Cats competition. They are downloaded once and read out of the archive, whose
 * checksum is verified file by file.
 *
 * @param directory where the archive is kept
 * @param baseUrl Kaggle's API; another one in tests
 * @throws UserError without a token, when Kaggle refuses, when the download broke off, or when the archive is damaged
 */
export const openKaggle = async (
  directory: string,
  token: KaggleToken | undefined,
  baseUrl = "https://www.kaggle.com/api/v1",
): Promise<Source> => {
  if (!token) {
    throw new UserError(
      "no Kaggle token; put one from https://www.kaggle.com/settings into ~/.kaggle/kaggle.json, or set KAGGLE_USERNAME and KAGGLE_KEY.",
    );
  }
  const path = join(directory, FILE);
  const secret = Buffer.from(`${token.username}:${token.key}`).toString("base64");
  await downloadFile({
    url: `${baseUrl}/competitions/data/download/${COMPETITION}/${FILE}`,
    headers: { authorization: `Basic ${secret}` },
    path,
    refuse,
  });
  const archive = new ZipReader(new BlobReader(await openAsBlob(path)));
  const entries = await archive.getEntries().catch((error: unknown) => {
    throw new UserError(`${path} is not a zip archive; delete it and run the same command again.`, {
      cause: error,
    });
  });
  const photos = entries
    .filter((entry) => !entry.directory)
    .flatMap((entry): Photo[] => {
      const label = isPicture(entry.filename) ? labelOfFile(entry.filename) : undefined;
      return label ? [{ id: entry.filename, label, read: () => readEntry(entry) }] : [];
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return { name: "kaggle", photos, close: () => archive.close() };
};
