/** @import { Outcome, Prediction } from "./outcome.js" */
import { drawMap, wordsFor } from "./activation-map.js";
import { createTurns } from "./turns.js";

const THUMBNAIL_HEIGHT = 144;
/** A photo is read and decoded whole for its thumbnail: hundreds at once would take gigabytes. */
const takeTurn = createTurns(2);
/** Colours of the style sheet's `--c0` and so on. */
const COLOURS = 8;

/**
 * An element with a class and contents.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {readonly (Node | string)[]} contents
 */
const element = (tag, className, ...contents) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...contents);
  return made;
};

/** @param {number} share */
const percent = (share) => `${(share * 100).toFixed(1)} %`;

/** @param {Prediction} prediction */
const bars = ({ probabilities }) => {
  const items = Object.entries(probabilities).map(([label, probability], index) => {
    const fill = element("i", "");
    fill.style.width = percent(probability).replace(" ", "");
    fill.style.background = `var(--c${index % COLOURS})`;
    const bar = element("span", "bar", fill);
    // The number beside it says the same.
    bar.ariaHidden = "true";
    return element(
      "li",
      "",
      element("span", "name", label),
      bar,
      element("span", "share", percent(probability)),
    );
  });
  return element("ul", "bars", ...items);
};

/**
 * Draws a small picture of a photo; one that the browser cannot open stays an empty frame.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Blob} photo
 */
const drawThumbnail = async (canvas, photo) => {
  try {
    const bitmap = await createImageBitmap(photo, {
      resizeHeight: THUMBNAIL_HEIGHT,
      resizeQuality: "medium",
    });
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.getContext("bitmaprenderer")?.transferFromImageBitmap(bitmap);
  } catch {
    canvas.classList.add("broken");
  }
};

/**
 * A button that shows where in a photo the answer comes from, and hides it again. The service is asked when it is first
 * pressed: an explanation takes more work than an answer.
 *
 * @param {File} photo
 * @param {() => Promise<Outcome>} explain
 */
const mapToggle = (photo, explain) => {
  const button = element("button", "", "Show where");
  button.type = "button";
  button.ariaLabel = `Show where: ${photo.name}`;
  button.ariaPressed = "false";
  const place = element("div", "map");
  place.setAttribute("role", "status");
  place.hidden = true;

  const draw = async () => {
    place.replaceChildren(element("span", "dim", "asking"));
    const outcome = await explain();
    const explanation = outcome.kind === "answered" ? outcome.prediction.explanation : undefined;
    if (!explanation) {
      const { title, detail } =
        outcome.kind === "answered" ? { title: "No explanation", detail: "" } : outcome;
      place.replaceChildren(element("b", "error", title), element("p", "", detail));
      return false;
    }
    const canvas = element("canvas", "");
    const words = wordsFor(explanation);
    canvas.setAttribute("role", "img");
    canvas.ariaLabel = words;
    place.replaceChildren(canvas, element("p", "", words));
    await drawMap(canvas, photo, explanation);
    return true;
  };
  let drawn = false;
  const show = async () => {
    if (drawn) return;
    drawn = true;
    drawn = await draw();
  };
  button.addEventListener("click", () => {
    place.hidden = !place.hidden;
    button.ariaPressed = String(!place.hidden);
    if (!place.hidden) void show();
  });
  return [button, place];
};

/**
 * A row of the results.
 *
 * @param {File} photo
 * @param {() => void} again what its button asks for after a failure
 * @param {() => Promise<Outcome>} explain asks about the photo with an explanation
 */
export const createRow = (photo, again, explain) => {
  const canvas = element("canvas", "");
  canvas.width = THUMBNAIL_HEIGHT;
  canvas.height = THUMBNAIL_HEIGHT;
  canvas.ariaHidden = "true";
  const head = element("th", "photo", canvas, element("span", "", photo.name));
  head.scope = "row";
  const answer = element("td", "answer");
  const probabilities = element("td", "");
  const time = element("td", "time");
  const row = element("tr", "", head, answer, probabilities, time);

  /** @param {string} text */
  const say = (text) => {
    answer.replaceChildren(element("span", "dim", text));
    probabilities.replaceChildren();
    time.replaceChildren();
  };
  return {
    row,
    /** Draws the row's small picture in its turn, unless the row is no longer on the page then. */
    drawThumbnail() {
      takeTurn(
        () => row.isConnected,
        () => drawThumbnail(canvas, photo),
      );
    },
    /** Says what is done with the photo, until there is an outcome. */
    say,
    /** @param {Outcome} outcome */
    show(outcome) {
      if (outcome.kind === "answered") {
        answer.replaceChildren(element("b", "", outcome.prediction.label));
        probabilities.replaceChildren(bars(outcome.prediction), ...mapToggle(photo, explain));
        time.replaceChildren(`${Math.round(outcome.milliseconds)} ms`);
        return;
      }
      const button = element("button", "", "Try again");
      button.type = "button";
      button.ariaLabel = `Try again: ${photo.name}`;
      button.addEventListener("click", () => {
        // The button goes: who works by keyboard stays in this row.
        answer.tabIndex = -1;
        answer.focus();
        again();
      });
      answer.replaceChildren(element("b", "error", outcome.title));
      probabilities.replaceChildren(element("p", "", outcome.detail), button);
    },
  };
};
