import { expect, it } from "vitest";
import { createKey, type Storage, StorageKeyError } from "../storage.ts";

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** What every storage has to keep to. @param open gives an empty one, whose retention is longer than the test */
export const itIsAStorage = (open: () => Promise<Storage>): void => {
  it("gives back what was put, replaced by what was put later, until it is deleted", async () => {
    const storage = await open();
    expect(await storage.get("a.png")).toBeUndefined();
    await storage.put("a.png", bytes("old"), "image/png");
    await storage.put("a.png", bytes("new"), "image/png");
    await storage.put("b.json", bytes("{}"), "application/json");
    const kept = await storage.get("a.png");
    expect(kept?.contentType).toBe("image/png");
    expect(Buffer.from(kept?.bytes ?? []).toString()).toBe("new");
    expect((await storage.get("b.json"))?.contentType).toBe("application/json");
    await storage.delete("a.png");
    await storage.delete("a.png");
    expect(await storage.get("a.png")).toBeUndefined();
    expect(await storage.get("b.json")).toBeDefined();
  });

  it("keeps no bytes as no bytes", async () => {
    const storage = await open();
    await storage.put("empty.webp", bytes(""), "image/webp");
    expect((await storage.get("empty.webp"))?.bytes).toHaveLength(0);
  });

  it("refuses what is no key, and a key of another type", async () => {
    const storage = await open();
    const names = ["", "..", "../a.png", "a/b.png", "a\\b.png", "%2e%2e.png", ".a.png", "a.png\0"];
    for (const name of [...names, "a.exe", "a.png\n", `${"a".repeat(200)}.png`, "a..png"]) {
      await expect(storage.put(name, bytes("x"), "image/png"), name).rejects.toThrow(
        StorageKeyError,
      );
      await expect(storage.get(name), name).rejects.toThrow(StorageKeyError);
      await expect(storage.delete(name), name).rejects.toThrow(StorageKeyError);
      await expect(storage.signedUrl(name), name).rejects.toThrow(StorageKeyError);
    }
    await expect(storage.put("a.jpg", bytes("x"), "image/png")).rejects.toThrow(StorageKeyError);
  });

  it("sweeps nothing that is younger than the retention", async () => {
    const storage = await open();
    const key = createKey("png");
    await storage.put(key, bytes("x"), "image/png");
    expect(await storage.sweep()).toBe(0);
    expect(await storage.get(key)).toBeDefined();
  });
};
