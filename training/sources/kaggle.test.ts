import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { TextReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { findKaggleToken, openKaggle } from "./kaggle.ts";

const TOKEN = { username: "ann", key: "secret" };
const NAMES = ["train/dog.1.jpg", "train/cat.0.jpg", "train/cat.1.jpg", "train/readme.txt"];
let archive: Buffer;

beforeAll(async () => {
  const zip = new ZipWriter(new Uint8ArrayWriter());
  for (const name of NAMES)
    await zip.add(name, new TextReader(`${name} `.repeat(3000)), { level: 0 });
  archive = Buffer.from(await zip.close());
});

/** A server in Kaggle's place; returns its base URL and what it was asked. */
const serve = async (listener: RequestListener) => {
  const requests: { url: string; range: string | undefined; authorization: string | undefined }[] =
    [];
  const server = createServer((request, response) => {
    const { range, authorization } = request.headers;
    requests.push({ url: request.url ?? "", range, authorization });
    listener(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`, requests };
};

/** Sends the archive, from the asked offset on. */
const sendArchive: RequestListener = (request, response) => {
  const offset = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (offset >= archive.length) {
    response.writeHead(416, { "content-range": `bytes */${archive.length}` }).end();
    return;
  }
  const headers = { "content-length": archive.length - offset };
  const range = { "content-range": `bytes ${offset}-${archive.length - 1}/${archive.length}` };
  response.writeHead(offset > 0 ? 206 : 200, offset > 0 ? { ...headers, ...range } : headers);
  response.end(archive.subarray(offset));
};

const idsOf = (source: Awaited<ReturnType<typeof openKaggle>>) => {
  onTestFinished(() => source.close());
  return source.photos.map(({ id, label }) => [id, label]);
};
const EXPECTED = [
  ["train/cat.0.jpg", "cat"],
  ["train/cat.1.jpg", "cat"],
  ["train/dog.1.jpg", "dog"],
];

describe("openKaggle", () => {
  it("downloads once, with the token, and reads photos out of the archive", async () => {
    const directory = await temporaryDirectory();
    const { url, requests } = await serve(sendArchive);
    const source = await openKaggle(directory, TOKEN, url);
    expect(idsOf(source)).toEqual(EXPECTED);
    const photo = await source.photos[0]?.read();
    expect(Buffer.from(photo ?? []).toString()).toBe("train/cat.0.jpg ".repeat(3000));
    idsOf(await openKaggle(directory, TOKEN, url));
    expect(requests).toEqual([
      {
        url: "/api/v1/competitions/data/download/dogs-vs-cats/train.zip",
        range: undefined,
        authorization: `Basic ${Buffer.from("ann:secret").toString("base64")}`,
      },
    ]);
  });

  it("continues where a broken download ended", async () => {
    const directory = await temporaryDirectory();
    let first = true;
    const { url, requests } = await serve((request, response) => {
      if (!first) return sendArchive(request, response);
      first = false;
      response.writeHead(200, { "content-length": archive.length });
      response.write(archive.subarray(0, 50_000));
      const part = join(directory, "train.zip.part");
      void vi
        .waitFor(async () => expect((await stat(part)).size).toBeGreaterThan(0), {
          timeout: 10_000,
        })
        .finally(() => response.destroy());
    });
    await expect(openKaggle(directory, TOKEN, url)).rejects.toThrow(
      /broke off at \d+ of \d+ bytes/,
    );
    const { size } = await stat(join(directory, "train.zip.part"));
    expect(size).toBeGreaterThan(0);
    expect(idsOf(await openKaggle(directory, TOKEN, url))).toEqual(EXPECTED);
    expect(requests[1]?.range).toBe(`bytes=${size}-`);
    expect((await readFile(join(directory, "train.zip"))).equals(archive)).toBe(true);
    expect(await readdir(directory)).toEqual(["train.zip"]);
  });

  it.each([
    ["starts over where the server ignores the range", 1000, 200],
    ["takes a part that is whole already", undefined, 416],
  ])("%s", async (_, partSize, status) => {
    const directory = await temporaryDirectory();
    const part = partSize === undefined ? archive : Buffer.alloc(partSize, 7);
    await writeFile(join(directory, "train.zip.part"), part);
    const { url } = await serve((request, response) => {
      if (status === 200) delete request.headers.range;
      sendArchive(request, response);
    });
    expect(idsOf(await openKaggle(directory, TOKEN, url))).toEqual(EXPECTED);
    expect((await readFile(join(directory, "train.zip"))).equals(archive)).toBe(true);
  });

  it("drops a part that is longer than the file and starts over", async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, "train.zip.part"), Buffer.alloc(archive.length + 1));
    const { url } = await serve(sendArchive);
    expect(idsOf(await openKaggle(directory, TOKEN, url))).toEqual(EXPECTED);
  });

  it("discards a file of another size than declared", async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, "train.zip.part"), archive.subarray(0, 10));
    const { url } = await serve((_request, response) => {
      response.writeHead(206, {
        "content-range": `bytes 10-99/${archive.length}`,
        "content-length": 90,
      });
      response.end(archive.subarray(10, 100));
    });
    await expect(openKaggle(directory, TOKEN, url)).rejects.toThrow(
      /declared \d+ bytes and sent 100/,
    );
    expect(await readdir(directory)).toEqual([]);
  });

  it.each([
    [401, /refuses the token/],
    [403, /accept the rules at/],
    [429, /too many requests/],
    [500, /HTTP status 500/],
  ])("explains status %i in one line and keeps nothing", async (status, message) => {
    const directory = await temporaryDirectory();
    const { url } = await serve((_request, response) => response.writeHead(status).end("{}"));
    await expect(openKaggle(directory, TOKEN, url)).rejects.toMatchObject({
      name: "UserError",
      message: expect.stringMatching(message),
    });
    expect(await readdir(directory)).toEqual([]);
  });

  it("says that there is no network", async () => {
    const opened = openKaggle(await temporaryDirectory(), TOKEN, "http://127.0.0.1:1/api/v1");
    await expect(opened).rejects.toThrow(/127\.0\.0\.1:1 cannot be reached.*check the network/);
  });

  it("says how to get a token", async () => {
    await expect(openKaggle(await temporaryDirectory(), undefined)).rejects.toThrow(
      /no Kaggle token/,
    );
  });

  it("says what to do about a file that is no archive, and reports a damaged photo as undecodable", async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, "train.zip"), "no archive");
    await expect(openKaggle(directory, TOKEN)).rejects.toThrow(/not a zip archive; delete it/);
    const damaged = Buffer.from(archive);
    damaged[5000] = (damaged[5000] ?? 0) ^ 0xff;
    await writeFile(join(directory, "train.zip"), damaged);
    const source = await openKaggle(directory, TOKEN);
    onTestFinished(() => source.close());
    const outcomes = await Promise.allSettled(source.photos.map((photo) => photo.read()));
    const failed = outcomes.filter(({ status }) => status === "rejected");
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatchObject({ reason: { name: "ImageError", code: "undecodable" } });
  });
});

describe("findKaggleToken", () => {
  it("prefers the environment, then reads kaggle.json, else finds none", async () => {
    const home = await temporaryDirectory();
    expect(await findKaggleToken({}, home)).toBeUndefined();
    await mkdir(join(home, ".kaggle"));
    await writeFile(join(home, ".kaggle", "kaggle.json"), '{"username":"bob","key":"k"}');
    expect(await findKaggleToken({}, home)).toEqual({ username: "bob", key: "k" });
    const environment = { KAGGLE_USERNAME: "ann", KAGGLE_KEY: "secret" };
    expect(await findKaggleToken(environment, home)).toEqual(TOKEN);
  });

  it("says that a file is no token, without showing it", async () => {
    const home = await temporaryDirectory();
    await mkdir(join(home, ".kaggle"));
    await writeFile(join(home, ".kaggle", "kaggle.json"), '{"key":"hush"}');
    await expect(findKaggleToken({}, home)).rejects.toThrow(/is not a Kaggle token/);
    await expect(findKaggleToken({}, home)).rejects.not.toThrow(/hush/);
  });
});

describe("a download whose process is killed", () => {
  it("is continued by the next run", async () => {
    const directory = await temporaryDirectory();
    const part = join(directory, "train.zip.part");
    let first = true;
    const { url, requests } = await serve((request, response) => {
      if (!first) return sendArchive(request, response);
      first = false;
      // Then nothing more: the process waits for the rest when it is killed.
      response.writeHead(200, { "content-length": archive.length });
      response.write(archive.subarray(0, 50_000));
    });
    const program = `
      const { openKaggle } = await import(${JSON.stringify(new URL("kaggle.ts", import.meta.url).href)});
      await openKaggle(${JSON.stringify(directory)}, { username: "a", key: "b" }, ${JSON.stringify(url)});`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program]);
    const exited = once(child, "exit");
    await vi.waitFor(async () => expect((await stat(part)).size).toBe(50_000), { timeout: 60_000 });
    child.kill("SIGKILL");
    await exited;
    expect(idsOf(await openKaggle(directory, TOKEN, url))).toEqual(EXPECTED);
    expect(requests[1]?.range).toBe("bytes=50000-");
    expect((await readFile(join(directory, "train.zip"))).equals(archive)).toBe(true);
  });
});
