import { expect, it } from "vitest";
import { openSource } from "./open-source.ts";

it("does not guess what a directory is", async () => {
  const asked = openSource({ source: "auto", data: "photos", seed: 1, cache: "none" });
  await expect(asked).rejects.toThrow(
    /give --source folder for a folder of pictures, or --source kaggle/,
  );
});
