import { IMAGE_TYPES } from "../../model/image-type.ts";
import type { ModelMetadata } from "../../model/metadata.ts";
import { escapeText, htmlDocument } from "../html/document.ts";
import { METRIC } from "../metric-names.ts";
import { modelCard } from "./model-card.ts";
import { PAGE_STYLE } from "./style.ts";

export type PageOptions = {
  /** Model that serves; undefined until there is one. */
  readonly model: ModelMetadata | undefined;
  /** Most bytes of a photo. */
  readonly maxBytes: number;
  /** What the answer's Content-Security-Policy knows the page's own style sheet and script by. */
  readonly nonce: string;
};

/** A frame in the first colour: nothing is loaded for it. */
const ICON = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0b66c3"/><path d="M3 12l3-4 2 2 2-3 3 5z" fill="#fff"/></svg>')}`;

/** What the page's script keeps up to date (client/live-figures.js): the metric, how to read it, and how to write it. */
const LIVE = [
  { name: "Answered", kind: "rate", metric: METRIC.inferences, labels: 'outcome="ok"', unit: "/s" },
  {
    name: "Refused",
    kind: "rate",
    metric: METRIC.failures,
    labels: 'reason="rejected"',
    unit: "/s",
  },
  { name: "Waiting for a worker", kind: "now", metric: METRIC.queueDepth },
  { name: "Workers ready", kind: "now", metric: METRIC.workersReady },
  {
    name: "Time of an answer",
    kind: "mean",
    metric: METRIC.requestDuration,
    labels: 'route="/predict",status="200"',
    unit: " ms",
    factor: "1000",
  },
] as const;

const liveFigures = LIVE.map(({ name, ...data }) => {
  const attributes = Object.entries(data).map(
    ([key, value]) => `data-${key}="${escapeText(value)}"`,
  );
  return `<div><dt>${name}</dt><dd ${attributes.join(" ")}>–</dd></div>`;
}).join("");

/** The page for people without tools: photos in, answers out, and what answers them. It asks for nothing from elsewhere. */
export const renderPage = ({ model, maxBytes, nonce }: PageOptions): string =>
  htmlDocument({
    title: "Image classification",
    style: PAGE_STYLE,
    nonce,
    head: `<link rel="icon" href="${ICON}">
<script type="module" nonce="${nonce}" src="/page/main.js"></script>`,
    body: `<nav aria-label="Pages"><ul><li><a href="/status">Status</a></li></ul></nav>
<main id="main" data-max-bytes="${maxBytes}" data-digest="${escapeText(model?.digest ?? "")}">
<section aria-labelledby="ask"><h2 id="ask">Ask about photos</h2>
<div class="drop" id="drop"><input type="file" id="photos" multiple accept="${IMAGE_TYPES.join(",")}" aria-describedby="limits">
<label for="photos">Choose photos</label><p id="limits">or drop or paste them here: JPEG, PNG or WebP, up to ${Math.floor(maxBytes / 2 ** 20)} MB each</p></div>
<form class="key" id="access" hidden><p class="notice" id="why-key" role="status"></p>
<label for="key">Key</label> <input type="password" id="key" required maxlength="512" pattern="[A-Za-z0-9_.~+\\/\\-]+=*" title="a key as the service's administrator gave it" autocomplete="off" spellcheck="false" aria-describedby="why-key">
<button type="submit">Use this key</button></form>
<noscript><p class="notice">This page needs JavaScript; <code>POST /predict</code> does without.</p></noscript>
<p class="notice" id="busy" role="status"></p>
<p class="notice" id="changed" role="status" hidden>Another model answers by now; reload the page to see its card.</p></section>
<section id="results" aria-labelledby="answers" hidden><h2 id="answers">Answers</h2>
<div class="bar-of-actions"><p id="progress" role="status"></p><button type="button" id="download" disabled>Download CSV</button><button type="button" id="clear">Clear</button></div>
<div class="scroll" role="region" aria-labelledby="answers" tabindex="0"><table class="results"><caption>Answers, a row a photo</caption>
<thead><tr><th scope="col">Photo</th><th scope="col">Answer</th><th scope="col">Probabilities</th><th scope="col">Time</th></tr></thead>
<tbody id="rows"></tbody></table></div></section>
<section aria-labelledby="now"><h2 id="now">The service now</h2>
<dl class="figures">${liveFigures}</dl></section>
<section aria-labelledby="model"><h2 id="model">The model</h2>
<div class="card">${model ? modelCard(model) : "<p>No model is loaded yet; reload the page in a moment.</p>"}</div></section>
</main>`,
  });
