import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { openFolder } from "./folder.ts";

const folderOf = async (...paths: string[]): Promise<string> => {
  const directory = await temporaryDirectory();
  for (const path of paths) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), `bytes of ${path}`);
  }
  return directory;
};
const labelsOf = async (directory: string) =>
  (await openFolder(directory)).photos.map(({ id, label }) => [id, label]);

describe("openFolder", () => {
  it("takes a sub-folder for each class, any number, in a stable order", async () => {
    const directory = await folderOf(
      "dogs/b.jpg",
      "Cats/z.PNG",
      "birds/deep/a.webp",
      "birds/notes.txt",
    );
    expect(await labelsOf(directory)).toEqual([
      ["Cats/z.PNG", "cat"],
      ["birds/deep/a.webp", "birds"],
      ["dogs/b.jpg", "dog"],
    ]);
  });

  it("takes Kaggle's flat names", async () => {
    expect(await labelsOf(await folderOf("dog.10.jpg", "cat.2.jpg", "readme.jpg"))).toEqual([
      ["cat.2.jpg", "cat"],
      ["dog.10.jpg", "dog"],
    ]);
  });

  it("refuses the parts of a data set, which are no classes", async () => {
    for (const paths of [
      ["train/cats/1.jpg", "test/cats/2.jpg"],
      ["train/cat.0.jpg", "test1/1.jpg"],
    ]) {
      await expect(openFolder(await folderOf(...paths))).rejects.toThrow(
        /holds the parts of a data set \(.*train.*\), no classes; give one of them with --data/,
      );
    }
    const named = await folderOf("train/1.jpg", "tram/1.jpg");
    expect(await labelsOf(named)).toHaveLength(2);
  });

  it("looks through a folder that all pictures share", async () => {
    expect(await labelsOf(await folderOf("train/cat.1.jpg", "train/dog.1.jpg"))).toEqual([
      ["train/cat.1.jpg", "cat"],
      ["train/dog.1.jpg", "dog"],
    ]);
    expect(await labelsOf(await folderOf("data/cats/1.jpg", "data/dogs/1.jpg"))).toEqual([
      ["data/cats/1.jpg", "cat"],
      ["data/dogs/1.jpg", "dog"],
    ]);
  });

  it("believes the class folder before the file name", async () => {
    expect(await labelsOf(await folderOf("cats/dog.1.jpg", "dogs/dog.2.jpg"))).toEqual([
      ["cats/dog.1.jpg", "cat"],
      ["dogs/dog.2.jpg", "dog"],
    ]);
  });

  it("reads a picture when asked", async () => {
    const { photos } = await openFolder(await folderOf("cats/1.jpg", "dogs/1.jpg"));
    expect(Buffer.from((await photos[0]?.read()) ?? []).toString()).toBe("bytes of cats/1.jpg");
  });

  it.each([
    [[], /holds no labelled picture/],
    [["notes.txt", "cats/readme.md"], /holds no labelled picture/],
    [["cats/1.jpg", "cats/2.jpg"], /holds no labelled picture|one class/],
    [["cat.1.jpg", "cat.2.jpg"], /the one class "cat"/],
  ])("refuses %j in one line", async (paths, message) => {
    const opened = openFolder(await folderOf(...paths));
    await expect(opened).rejects.toMatchObject({
      name: "UserError",
      message: expect.stringMatching(message),
    });
    await expect(opened).rejects.toMatchObject({ message: expect.stringMatching(/^[^\n]+$/) });
  });

  it("says that a folder is missing", async () => {
    await expect(openFolder(join(await temporaryDirectory(), "none"))).rejects.toThrow(
      /--data DIR/,
    );
  });
});
