import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { isSocketOpen, requireFreePort } from "./host.ts";

describe("requireFreePort", () => {
  it.each(["127.0.0.1", "0.0.0.0"])("notices a process that listens on %s", async (address) => {
    const server = createServer().listen(0, address);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await expect(requireFreePort(port, "the service")).rejects.toThrow(
      // Without `ss` nobody is named.
      new RegExp(
        `^Port ${port} \\(the service\\) is in use( by node, process ${process.pid})?; stop `,
      ),
    );
    server.close();
    await once(server, "close");
    await expect(requireFreePort(port, "the service")).resolves.toBeUndefined();
  });

  it.skipIf(process.platform !== "linux")(
    "waits for a port that a process has which is about to be gone",
    async () => {
      const directory = mkdtempSync(join(tmpdir(), "ss-"));
      const asked = join(directory, "asked");
      // As it says of a process of which threads are left only.
      writeFileSync(join(directory, "ss"), `#!/bin/sh\necho >> "${asked}"\n`, { mode: 0o755 });
      vi.stubEnv("PATH", [directory, process.env["PATH"]].join(delimiter));
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      const free = requireFreePort((server.address() as AddressInfo).port, "the service");
      await vi.waitFor(() => expect(existsSync(asked)).toBe(true), 60_000);
      server.close();
      await expect(free).resolves.toBeUndefined();
      vi.unstubAllEnvs();
      rmSync(directory, { recursive: true });
    },
  );
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
