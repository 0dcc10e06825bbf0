import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isSocketOpen, requireFreePort } from "./host.ts";

describe("requireFreePort", () => {
  it.each(["127.0.0.1", "0.0.0.0"])("notices a process that listens on %s", async (address) => {
    const server = createServer().listen(0, address);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await expect(requireFreePort(port, "the service")).rejects.toThrow(
      `Port ${port} (the service) is in use`,
    );
    server.close();
    await once(server, "close");
    await expect(requireFreePort(port, "the service")).resolves.toBeUndefined();
  });
});

describe.skipIf(process.platform === "win32")("isSocketOpen", () => {
  it("does not believe a file that a killed process left", async () => {
    const directory = mkdtempSync(join(tmpdir(), "socket-"));
    const path = join(directory, "containerd.sock");
    const server = createServer().listen(path);
    await once(server, "listening");
    await expect(isSocketOpen(path)).resolves.toBe(true);
    server.close();
    await once(server, "close");
    writeFileSync(path, "");
    await expect(isSocketOpen(path)).resolves.toBe(false);
    rmSync(directory, { recursive: true });
  });
});
