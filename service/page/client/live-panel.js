/** @import { Figure } from "./live-figures.js" */
import { createLiveFigures } from "./live-figures.js";

const POLL_MS = 2000;
const NUMBER = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

/** Keeps every element that names a metric (`data-metric`) at its value, while the page is looked at. */
export const showLiveFigures = () => {
  const elements = [...document.querySelectorAll("[data-metric]")].filter(
    (found) => found instanceof HTMLElement,
  );
  const read = createLiveFigures(
    elements.map(({ dataset: { kind, metric = "", labels = "" } }) => ({
      kind: /** @type {Figure["kind"]} */ (kind),
      metric,
      labels,
    })),
  );

  const update = async () => {
    /** @type {readonly (number | undefined)[]} */
    let values = [];
    try {
      const response = await fetch("/metrics");
      if (response.ok) values = read(await response.text(), performance.now());
    } catch {
      // Dashes, until the service answers again.
    }
    for (const [index, element] of elements.entries()) {
      const value = values[index];
      const { factor = "1", unit = "" } = element.dataset;
      element.textContent =
        value === undefined ? "–" : `${NUMBER.format(value * Number(factor))}${unit}`;
    }
  };
  const keepUpdating = async () => {
    if (!document.hidden) await update();
    setTimeout(() => void keepUpdating(), POLL_MS);
  };
  void keepUpdating();
};
