import { readdir, readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { UserError } from "../user-error.ts";
import { isPicture, labelOfFile, labelOfFolder } from "./label.ts";
import type { Photo, Source } from "./source.ts";

/** What the parts of a data set are called: no class is. */
const PARTS = ["train", "training", "test", "test1", "testing", "val", "valid", "validation"];

const listPictures = async (directory: string): Promise<string[]> => {
  const entries = await readdir(directory, { recursive: true }).catch((error: unknown) => {
    throw new UserError(
      `${directory} is not a folder that can be read; give another with --data DIR.`,
      {
        cause: error,
      },
    );
  });
  return entries
    .map((path) => path.split(sep).join("/"))
    .filter(isPicture)
    .sort();
};

/** Label of each picture: by Kaggle's file names when the pictures lie flat, else by the class folder. */
const labelAll = (paths: readonly string[]): [id: string, label: string][] => {
  // Folders that all pictures share (`train/cat.1.jpg`) say nothing about the class.
  const first = paths[0]?.split("/").slice(0, -1) ?? [];
  const shared = first.findIndex((part, i) => paths.some((path) => path.split("/")[i] !== part));
  const depth = shared < 0 ? first.length : shared;
  return paths.flatMap((path) => {
    const parts = path.split("/").slice(depth);
    const label = parts.length > 1 ? labelOfFolder(parts[0] as string) : labelOfFile(path);
    return label === undefined ? [] : [[path, label] as [string, string]];
  });
};

/**
 * Labelled pictures in a directory: one sub-folder for each class (`cats/`, `dogs/`, any number), or files named like
 * Kaggle's (`cat.1.jpg`). Whether a file is really a picture shows when it is read.
 *
 * @throws UserError when the directory is missing, holds no labelled picture, one class only, or parts of a data set
 */
export const openFolder = async (directory: string): Promise<Source> => {
  const labelled = labelAll(await listPictures(directory));
  const classes = [...new Set(labelled.map(([, label]) => label))].sort();
  const layout = "expected a sub-folder for each class, or files named like cat.1.jpg";
  if (classes.length === 0) {
    throw new UserError(`${directory} holds no labelled picture (JPEG, PNG, WebP); ${layout}.`);
  }
  if (classes.length === 1) {
    throw new UserError(
      `${directory} holds the one class "${classes[0]}"; ${layout}, two at least.`,
    );
  }
  if (classes.every((label) => PARTS.includes(label.toLowerCase()))) {
    throw new UserError(
      `${directory} holds the parts of a data set (${classes.join(", ")}), no classes; give one of them with --data, as all pictures are split anew.`,
    );
  }
  const photos = labelled.map(
    ([id, label]): Photo => ({ id, label, read: () => readFile(join(directory, id)) }),
  );
  return { name: "folder", photos, close: () => Promise.resolve() };
};
