/** @import { Outcome } from "./outcome.js" */
import { toCsv } from "./csv.js";
import { createKeyForm } from "./key-form.js";
import { createKeyGate, openTabStorage } from "./key-gate.js";
import { showLiveFigures } from "./live-panel.js";
import { askAbout } from "./outcome.js";
import { createRow } from "./results-table.js";
import { saveFile } from "./save-file.js";
import { createSendQueue } from "./send-queue.js";

/** Enough to keep a small service busy, few enough to leave room for others. */
const CONCURRENCY = 4;

/**
 * An element of the page, which the service wrote.
 *
 * @template {typeof HTMLElement} Type
 * @param {string} id
 * @param {Type} type
 */
const byId = (id, type) => {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no ${type.name} #${id}.`);
  return /** @type {InstanceType<Type>} */ (found);
};

const main = byId("main", HTMLElement);
const input = byId("photos", HTMLInputElement);
const drop = byId("drop", HTMLElement);
const results = byId("results", HTMLElement);
const rows = byId("rows", HTMLTableSectionElement);
const progress = byId("progress", HTMLElement);
const busy = byId("busy", HTMLElement);
const changed = byId("changed", HTMLElement);
const download = byId("download", HTMLButtonElement);
const clear = byId("clear", HTMLButtonElement);

/** @typedef {{ readonly photo: File, readonly send: () => void, readonly view: ReturnType<typeof createRow>, outcome?: Outcome }} Item */
/** @type {Item[]} */
let items = [];

const showProgress = () => {
  const done = items.flatMap(({ outcome }) => outcome ?? []);
  const failed = done.filter(({ kind }) => kind !== "answered").length;
  results.hidden = items.length === 0;
  download.disabled = done.length === 0;
  const said = `${done.length - failed} of ${items.length} answered`;
  progress.textContent = items.length === 0 ? "" : failed ? `${said}, ${failed} failed` : said;
};

const maxBytes = Number(main.dataset["maxBytes"]);

const gate = createKeyGate({
  storage: openTabStorage(),
  onLocked: ({ detail }) => keyForm.show(detail),
});
const keyForm = createKeyForm(
  {
    form: byId("access", HTMLFormElement),
    field: byId("key", HTMLInputElement),
    why: byId("why-key", HTMLElement),
  },
  (key) => {
    gate.use(key);
    for (const { outcome, send } of items) if (outcome?.kind === "locked") send();
  },
);
/**
 * @param {File} photo
 * @param {AbortSignal} signal
 * @param {boolean} explain
 */
const ask = (photo, signal, explain) =>
  gate.ask((key) => askAbout(photo, signal, { maxBytes, explain, key }));

/** @type {ReturnType<typeof createSendQueue<Item>>} */
const queue = createSendQueue({
  concurrency: CONCURRENCY,
  ask: ({ photo }, signal) => ask(photo, signal, false),
  onStart: ({ view }) => view.say("sending"),
  onOutcome: (item, outcome) => {
    item.outcome = outcome;
    item.view.show(outcome);
    if (outcome.kind === "answered") {
      changed.hidden = outcome.prediction.model.digest === main.dataset["digest"];
    }
    showProgress();
  },
  onPause: (pause) => {
    const why = pause?.kind === "busy" ? "is busy" : "cannot be reached";
    busy.textContent = pause
      ? `The service ${why}; the photos that wait are sent in ${Math.ceil(pause.seconds)} s.`
      : "";
  },
  sleep: (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000)),
});

/** @param {Iterable<File>} photos */
const add = (photos) => {
  for (const photo of photos) {
    const send = () => {
      delete item.outcome;
      item.view.say("waiting");
      queue.add(item);
      showProgress();
    };
    const explain = () => ask(photo, new AbortController().signal, true);
    /** @type {Item} */
    const item = { photo, send, view: createRow(photo, send, explain) };
    items.push(item);
    rows.append(item.view.row);
    item.view.drawThumbnail();
    send();
  }
};

input.addEventListener("change", () => {
  add(input.files ?? []);
  // The same photo may be chosen again.
  input.value = "";
});
document.addEventListener("paste", ({ clipboardData }) => add(clipboardData?.files ?? []));
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
document.addEventListener("dragleave", ({ relatedTarget }) => {
  if (relatedTarget === null) drop.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  add(event.dataTransfer?.files ?? []);
});

clear.addEventListener("click", () => {
  queue.clear();
  items = [];
  rows.replaceChildren();
  showProgress();
  input.focus();
});

download.addEventListener("click", () => {
  const done = items.flatMap(({ photo, outcome }) =>
    outcome ? [{ file: photo.name, outcome }] : [],
  );
  // Without a byte order mark Excel takes UTF-8 for something else.
  saveFile("predictions.csv", new Blob(["\uFEFF", toCsv(done)], { type: "text/csv" }));
});

showLiveFigures();
