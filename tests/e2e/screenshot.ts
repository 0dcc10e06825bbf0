import { launchChromium } from "../fixtures/chromium.ts";

/** What a browser saw of a page. */
export type Seen = {
  /** Messages of its console, and requests to elsewhere. */
  readonly errors: readonly string[];
  /** Charts with a size. */
  readonly charts: number;
  /** Whether the page is wider than its window. */
  readonly overflow: boolean;
};

/** Opens a page, saves a picture of all of it and says what is on it. */
export const screenshot = async (
  url: string,
  colorScheme: "light" | "dark",
  file: string,
): Promise<Seen> => {
  const browser = await launchChromium();
  try {
    const page = await browser.newPage({ colorScheme, viewport: { width: 1280, height: 900 } });
    const errors: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    page.on("request", (request) => {
      if (new URL(request.url()).host !== new URL(url).host) errors.push(request.url());
    });
    await page.goto(url);
    const charts = await page
      .locator("figure svg")
      .evaluateAll((all) => all.filter((svg) => svg.getBoundingClientRect().height > 50).length);
    const overflow = await page.evaluate(
      "document.documentElement.scrollWidth > document.documentElement.clientWidth",
    );
    await page.screenshot({ path: file, fullPage: true });
    return { errors, charts, overflow: overflow === true };
  } finally {
    await browser.close();
  }
};
