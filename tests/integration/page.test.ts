import { mkdirSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import axe, { type AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { findChromium, launchChromium } from "../fixtures/chromium.ts";
import { useModelStore } from "../fixtures/model-store.ts";
import { colourImage, stubModel } from "../fixtures/models.ts";
import { runProgram, type ServiceProcess } from "../fixtures/service-process.ts";

const SCREENSHOTS = resolve(import.meta.dirname, "../../artifacts/screenshots");

const store = useModelStore();
let browser: Browser;
let service: ServiceProcess;
let page: Page;
/** What the browser complained about, but for answers that are errors on purpose; requests to elsewhere. */
let complaints: string[];

const open = async (env?: Readonly<Record<string, string>>): Promise<void> => {
  await store.publish(await stubModel());
  await openService(env);
};

/** Opens the page of a service that serves what was published. */
const openService = async (env: Readonly<Record<string, string>> = {}): Promise<void> => {
  service = await store.start({ env });
  await service.serving();
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    const onPurpose = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !onPurpose) complaints.push(message.text());
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${service.url}/`) && !/^(?:data|blob):/.test(url)) complaints.push(url);
  });
  // Before the page's own policy counts: it would not let a foreign script in.
  await page.addInitScript({ content: axe.source });
  await page.goto(service.url);
};

const photo = async (name: string, colour: string) => ({
  name,
  mimeType: "image/jpeg",
  buffer: await colourImage(colour),
});
const choose = (...photos: Awaited<ReturnType<typeof photo>>[]) =>
  page.locator("#photos").setInputFiles(photos);
const broken = { name: "broken.jpg", mimeType: "image/jpeg", buffer: Buffer.from("nonsense") };
const row = (name: string) => page.getByRole("row", { name });
/** Waits until the page says this about its photos. */
const progress = (text: string) => page.locator("#progress").getByText(text, { exact: true });

/** What axe finds that keeps people out, with the places. */
const barriers = async (): Promise<readonly string[]> => {
  const { violations } = (await page.evaluate("axe.run()")) as Pick<AxeResults, "violations">;
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
};

describe.skipIf(findChromium() === undefined)("the page, in Chromium (skipped without one)", () => {
  beforeAll(async () => {
    mkdirSync(SCREENSHOTS, { recursive: true });
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    await page?.close();
    expect(complaints).toEqual([]);
  });

  it("answers photos, says what is wrong with a broken one, and gives it all as CSV", async () => {
    await open();
    await choose(await photo("red.jpg", "red"), await photo("blue.jpg", "blue"), broken);
    await progress("2 of 3 answered, 1 failed").waitFor();
    expect(await row("red.jpg").locator(".answer").textContent()).toBe("cat");
    expect(await row("blue.jpg").locator(".answer").textContent()).toBe("dog");
    const shares = await row("red.jpg").locator(".share").allTextContents();
    const widths = await row("red.jpg")
      .locator(".bar i")
      .evaluateAll((bars) => bars.map((bar) => bar.getAttribute("style")));
    expect(shares).toHaveLength(2);
    for (const [index, share] of shares.entries()) {
      expect(widths[index]).toContain(`width: ${Number.parseFloat(share)}%`);
    }
    expect(Number.parseFloat(shares[0] ?? "")).toBeGreaterThan(90);
    expect(await row("broken.jpg").textContent()).toMatch(
      /Unsupported media type.*not a JPEG, PNG or WebP image/,
    );

    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download CSV" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("predictions.csv");
    const csv = (await readFile(await download.path(), "utf8")).split("\r\n");
    expect(csv[0]).toMatch(/^\uFEFFfile,label,probability,probability_cat,probability_dog,/);
    expect(csv[1]).toMatch(/^red\.jpg,cat,0\.9/);
    expect(csv[2]).toMatch(/^blue\.jpg,dog,0\.9/);
    expect(csv[3]).toMatch(/^broken\.jpg,,.*Unsupported media type/);
    expect(csv).toHaveLength(5);

    await page.getByRole("button", { name: "Try again: broken.jpg" }).press("Enter");
    await progress("2 of 3 answered, 1 failed").waitFor();
    await page.getByRole("button", { name: "Clear" }).click();
    expect(await page.getByRole("table", { name: "Answers" }).isVisible()).toBe(false);
  });

  it("shows where an answer comes from, and hides it, by keyboard too", async () => {
    await open();
    // The model looks at the upper half alone.
    await choose(await photo("red.jpg", "red"));
    await progress("1 of 1 answered").waitFor();
    const button = page.getByRole("button", { name: "Show where: red.jpg" });
    expect(await button.getAttribute("aria-pressed")).toBe("false");
    const [asked] = await Promise.all([
      page.waitForRequest((request) => request.url().endsWith("/predict?explain=1")),
      button.press("Enter"),
    ]);
    expect(asked.method()).toBe("POST");
    const map = page.getByRole("img", { name: "What speaks most for cat is in the upper middle" });
    await map.waitFor();
    expect(await button.getAttribute("aria-pressed")).toBe("true");
    // Orange over red above, black over red below.
    const pixels = () =>
      page.evaluate(`(() => {
        const { width, height } = document.querySelector(".map canvas");
        const context = document.querySelector(".map canvas").getContext("2d");
        return [0.3, 0.7].map((y) => [...context.getImageData(width / 2, height * y, 1, 1).data]);
      })()`);
    await expect.poll(pixels, { timeout: 120_000 }).toEqual([
      [expect.closeTo(254, -1), expect.closeTo(91, -1), expect.closeTo(0, -1), 255],
      [expect.closeTo(89, -1), expect.closeTo(0, -1), expect.closeTo(0, -1), 255],
    ]);
    expect(await barriers()).toEqual([]);
    await button.press("Space");
    expect(await map.isVisible()).toBe(false);
    expect(await button.getAttribute("aria-pressed")).toBe("false");
    await button.press("Space");
    expect(await map.isVisible()).toBe(true);
  });

  it("says so when the model cannot explain itself", async () => {
    const { files, metadata, digest } = await stubModel(4);
    const { activation: _, ...older } = metadata;
    await store.publish({
      ...{ digest, metadata: older },
      files: { ...files, "model.json": JSON.stringify(older) },
    });
    await openService();
    await choose(await photo("red.jpg", "red"));
    await page.getByRole("button", { name: "Show where: red.jpg" }).click();
    await page.getByText("is of an older training and cannot explain its answers").waitFor();
  });

  it.each(["paste", "drop"])("takes photos by %s", async (way) => {
    await open();
    const bytes = [...(await colourImage("blue"))];
    await page.evaluate(`{
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(${JSON.stringify(bytes)})], "it.jpg", { type: "image/jpeg" }));
      document.body.dispatchEvent(${
        way === "paste"
          ? 'new ClipboardEvent("paste", { clipboardData: data, bubbles: true })'
          : 'new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })'
      });
    }`);
    await progress("1 of 1 answered").waitFor();
    expect(await row("it.jpg").locator(".answer").textContent()).toBe("dog");
  });

  it("says that the service is busy, and sends what waits when it no longer is", async () => {
    await open({ SLOTS: "1", BURST_SLOTS: "1" });
    const holder = connect(Number(new URL(service.url).port), "127.0.0.1");
    holder.write(
      "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/jpeg\r\ncontent-length: 9\r\n\r\n",
    );
    const red = await photo("red.jpg", "red");
    // Large: it is refused while the browser still sends.
    const large = { ...red, buffer: Buffer.concat([red.buffer, Buffer.alloc(8 * 2 ** 20)]) };
    await choose(large, await photo("blue.jpg", "blue"));
    await page.locator("#busy").getByText("The service is busy").waitFor();
    holder.destroy();
    await progress("2 of 2 answered").waitFor();
    await page.locator("#busy").getByText("busy").waitFor({ state: "detached" });
  });

  it("asks for a key where the service does, keeps it for the tab, and out of the address", async () => {
    const file = join(store.directory, "keys.json");
    const { output } = await runProgram("access/make-key.ts", ["--file", file, "--name", "page"]);
    const key = output.trim();
    await open({ API_KEYS_FILE: file });
    const field = page.getByLabel("Key", { exact: true });
    expect(await field.isVisible(), "before it is needed").toBe(false);
    await choose(await photo("red.jpg", "red"), await photo("blue.jpg", "blue"));
    await progress("0 of 2 answered, 2 failed").waitFor();
    await page.locator("#why-key").getByText("only with a key").waitFor();
    expect(await page.evaluate("document.activeElement.id")).toBe("key");
    expect(await field.getAttribute("type")).toBe("password");
    expect(await barriers()).toEqual([]);
    await page.screenshot({ path: resolve(SCREENSHOTS, "page-key.png"), fullPage: true });

    await field.fill("icp_wrong");
    await field.press("Enter");
    await page.locator("#why-key").getByText("does not know this key").waitFor();
    await field.fill(key);
    await page.getByRole("button", { name: "Use this key" }).click();
    await progress("2 of 2 answered").waitFor();
    expect(await field.isVisible()).toBe(false);
    await page.getByRole("button", { name: "Show where: red.jpg" }).click();
    await page.getByRole("img", { name: "What speaks most for cat" }).waitFor();

    await page.reload();
    await choose(await photo("red.jpg", "red"));
    await progress("1 of 1 answered").waitFor();
    expect(page.url()).toBe(`${service.url}/`);
    expect(JSON.stringify(service.logs)).not.toContain(key);
  });

  it("answers where the browser keeps nothing of sites, too", async () => {
    await open();
    await page.addInitScript(`Object.defineProperty(window, "sessionStorage", {
      get() { throw new DOMException("The operation is insecure.", "SecurityError"); },
    })`);
    await page.reload();
    await choose(await photo("red.jpg", "red"));
    await progress("1 of 1 answered").waitFor();
  });

  it("says when the service is gone, and sends what waits when it is back", async () => {
    await open();
    await page.context().setOffline(true);
    await choose(await photo("red.jpg", "red"), await photo("blue.jpg", "blue"));
    await page.locator("#busy").getByText("The service cannot be reached").waitFor();
    expect(await page.locator("#progress").textContent()).toBe("0 of 2 answered");
    await page.context().setOffline(false);
    await progress("2 of 2 answered").waitFor();
    await page.locator("#busy").getByText("cannot be reached").waitFor({ state: "detached" });
  });

  it("says of a file that went meanwhile that it cannot be read, and tries again when asked", async () => {
    await open();
    const file = join(store.directory, "red.jpg");
    await writeFile(file, await colourImage("red"));
    await page.context().setOffline(true);
    await page.locator("#photos").setInputFiles(file);
    await page.locator("#busy").getByText("The service cannot be reached").waitFor();
    await rm(file);
    await page.context().setOffline(false);
    await row("red.jpg").getByText("The file cannot be read").waitFor();
    await page.getByRole("button", { name: "Try again: red.jpg" }).press("Enter");
    await progress("0 of 1 answered, 1 failed").waitFor();
    expect(await page.evaluate("document.activeElement.className")).toBe("answer");
  });

  it("draws two thumbnails at a time, and none of photos that were cleared", async () => {
    await open();
    await page.evaluate(`{
      const draw = createImageBitmap;
      const held = Promise.withResolvers();
      window.drawn = [];
      window.release = held.resolve;
      window.createImageBitmap = async (photo, options) => {
        drawn.push(photo.name);
        await held.promise;
        return draw(photo, options);
      };
    }`);
    const names = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"];
    await choose(...(await Promise.all(names.map((name) => photo(name, "red")))));
    await progress("4 of 4 answered").waitFor();
    expect(await page.evaluate("drawn")).toEqual(["a.jpg", "b.jpg"]);
    await page.getByRole("button", { name: "Clear" }).click();
    await page.evaluate("release()");
    await choose(await photo("e.jpg", "red"));
    await expect.poll(() => page.evaluate("drawn")).toEqual(["a.jpg", "b.jpg", "e.jpg"]);
  });

  it("follows the service's figures, and notices another model", async () => {
    await open();
    const figure = (name: string) => page.locator(".figures div", { hasText: name }).locator("dd");
    await figure("Workers ready")
      .getByText(/^[1-9]/)
      .waitFor();
    await choose(await photo("red.jpg", "red"));
    await figure("Answered")
      .getByText(/^[\d.]*[1-9]\d*\/s$/)
      .waitFor();
    await figure("Time of an answer").getByText(/ ms$/).waitFor();

    const other = await stubModel(3);
    await store.publish(other);
    await service.serving(other.digest);
    expect(await page.locator("#changed").isVisible()).toBe(false);
    await choose(await photo("red.jpg", "red"));
    await page.locator("#changed").waitFor();
    await page.reload();
    await page.getByText(other.digest).waitFor();
  });

  it.each([
    ["light", 1280],
    ["dark", 1280],
    ["light", 390],
  ] as const)("keeps nobody out: %s, %i pixels wide", async (colorScheme, width) => {
    await open();
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height: 900 });
    expect(await barriers()).toEqual([]);
    await choose(await photo("red.jpg", "red"), await photo("blue.jpg", "blue"), broken);
    await progress("2 of 3 answered, 1 failed").waitFor();
    await page.locator("summary").click();
    await page.getByRole("button", { name: "Show where: red.jpg" }).click();
    await page.getByRole("img", { name: "What speaks most for cat" }).waitFor();
    expect(await barriers()).toEqual([]);
    const overflow = await page.evaluate(
      "document.documentElement.scrollWidth > document.documentElement.clientWidth",
    );
    expect(overflow).toBe(false);
    const path = resolve(SCREENSHOTS, `page-${colorScheme}-${width}.png`);
    await page.screenshot({ path, fullPage: true });
  });

  it("is worked by keyboard alone", async () => {
    await open();
    const focused = () =>
      page.evaluate("document.activeElement.id || document.activeElement.textContent");
    // Asked for before any key: Chromium is told of it meanwhile, or a busy machine opens a dialog of its own, which nobody sees.
    const chosen = page.waitForEvent("filechooser");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Status");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("photos");
    await page.keyboard.press("Enter");
    const chooser = await chosen;
    await chooser.setFiles([await photo("red.jpg", "red")]);
    await progress("1 of 1 answered").waitFor();
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("download");
  });
});
