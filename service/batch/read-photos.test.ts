import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { readPhotos } from "./read-photos.ts";

const TYPE = "multipart/form-data; boundary=xyz";
const LIMITS = { maxFiles: 50, maxFileBytes: 100 };
const JPEG = "\xff\xd8\xff";

/** A body with one photo for each of the file names, which are encoded as UTF-8. */
const bodyOf = (filenames: readonly string[]): Uint8Array<ArrayBuffer> => {
  const parts = filenames.flatMap((filename) => [
    Buffer.from('--xyz\r\nContent-Disposition: form-data; name="files"; '),
    Buffer.from(`filename="${filename}"\r\n\r\n`),
    Buffer.from(`${JPEG}\r\n`, "latin1"),
  ]);
  return new Uint8Array(Buffer.concat([...parts, Buffer.from("--xyz--\r\n")]));
};
const namesOf = (filenames: readonly string[]): readonly string[] =>
  readPhotos(bodyOf(filenames), TYPE, LIMITS).map(({ name }) => name);

it("names photos as their sender did, within 200 characters, or by their number", () => {
  expect(namesOf(["Küche 🐈.jpg", "", "x".repeat(201)])).toEqual([
    "Küche 🐈.jpg",
    "2",
    "x".repeat(200),
  ]);
});

it("leaves no half of a character where it cuts", () => {
  expect(namesOf([`${"x".repeat(199)}🐈.jpg`])).toEqual([`${"x".repeat(199)}\ufffd`]);
});

// A header may have 8 KiB, and takes twice as much with one character that is not in Latin-1.
it.each([
  ["Latin-1", "x".repeat(8000)],
  ["others", `ж${"x".repeat(7998)}`],
])("keeps nothing of the headers but the names (%s)", (_, filename) => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const heap = (): number => {
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const filenames = Array.from({ length: LIMITS.maxFiles }, () => filename);
  const before = heap();
  const kept = Array.from({ length: 200 }, () => namesOf(filenames));
  expect(heap() - before).toBeLessThan(10e6);
  expect(kept).toHaveLength(200);
});
