import { posix } from "node:path";

/** Class folders of the two animals are usually named in the plural; a label is the singular. */
const SINGULAR: Readonly<Record<string, string>> = { cats: "cat", dogs: "dog" };

/** The label of a class folder: its name in lower case, `cat` for `cats`. */
export const labelOfFolder = (name: string): string => {
  const lower = name.toLowerCase();
  return SINGULAR[lower] ?? lower;
};

/** The label in a file name like Kaggle's `cat.1.jpg`, or undefined. */
export const labelOfFile = (path: string): string | undefined =>
  /^([a-z]+)\.\d+\.[a-z]+$/i.exec(posix.basename(path))?.[1]?.toLowerCase();

/** Whether a file's name says that it is a picture of a type that this project reads. */
export const isPicture = (path: string): boolean => /\.(jpe?g|png|webp)$/i.test(path);
