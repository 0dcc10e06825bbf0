import { describe, expect, it } from "vitest";
import { createKey, isCreatedKey, nameKey, typeOfKey } from "./storage.ts";

describe("nameKey", () => {
  it("is the same for the same name, and another one for any other", () => {
    const keys = ["job/0", "job/0", "job/1", "joc/0"].map((name) => nameKey(name, "png"));
    expect(keys[0]).toBe(keys[1]);
    expect(new Set(keys).size).toBe(3);
  });

  it("is swept and read as those of createKey are", () => {
    for (const key of [nameKey("job/0", "png"), createKey("png")]) {
      expect(isCreatedKey(key)).toBe(true);
      expect(typeOfKey(key)).toBe("image/png");
    }
  });
});
