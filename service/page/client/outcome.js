/**
 * What the service answers about a photo.
 *
 * @typedef {{
 *   readonly label: string,
 *   readonly probability: number,
 *   readonly probabilities: Readonly<Record<string, number>>,
 *   readonly model: { readonly name: string, readonly version: string, readonly digest: string },
 *   readonly explanation?: Explanation,
 * }} Prediction
 */

/**
 * Where in the photo the answer comes from: rows of places from 0 to 1, on a square in the photo's middle whose side is
 * the share `covers` of its shorter side.
 *
 * @typedef {{
 *   readonly label: string,
 *   readonly width: number,
 *   readonly height: number,
 *   readonly values: readonly (readonly number[])[],
 *   readonly covers: number,
 * }} Explanation
 */

/** @typedef {{ readonly kind: "answered", readonly prediction: Prediction, readonly milliseconds: number }} Answered */
/** @typedef {{ readonly kind: "failed", readonly title: string, readonly detail: string }} Failed */
/**
 * Refused for now: it may be sent again after a time.
 *
 * @typedef {{ readonly kind: "busy", readonly title: string, readonly detail: string, readonly seconds: number }} Busy
 */
/**
 * Nothing came from the service: it, or the way to it, is gone, perhaps for a moment.
 *
 * @typedef {{ readonly kind: "unreached", readonly title: string, readonly detail: string }} Unreached
 */
/**
 * Refused without a key, or with one that the service does not know.
 *
 * @typedef {{ readonly kind: "locked", readonly title: string, readonly detail: string }} Locked
 */
/** @typedef {Answered | Failed | Busy | Unreached | Locked} Outcome */

/** What is waited where the service does not say for how long. */
const DEFAULT_WAIT_SECONDS = 1;

/**
 * The time that a Retry-After header names (RFC 9110: seconds or a date), in seconds.
 *
 * @param {string | null} header
 * @param {number} now Unix milliseconds
 */
export const retryAfterSeconds = (header, now) => {
  if (header === null || header.trim() === "") return DEFAULT_WAIT_SECONDS;
  const seconds = Number(header);
  const wait = Number.isNaN(seconds) ? (Date.parse(header) - now) / 1000 : seconds;
  return Number.isFinite(wait) ? Math.max(0, wait) : DEFAULT_WAIT_SECONDS;
};

/**
 * Title and detail of an error answer: those of its problem (RFC 9457), or its status where something on the way answered.
 *
 * @param {Response} response
 */
const readProblem = async (response) => {
  const body = /** @type {unknown} */ (await response.json().catch(() => undefined));
  const said = /** @type {{ readonly title?: unknown, readonly detail?: unknown }} */ (
    typeof body === "object" && body !== null ? body : {}
  );
  return {
    title: typeof said.title === "string" ? said.title : `Status ${response.status}`,
    detail: typeof said.detail === "string" ? said.detail : "The answer does not say why.",
  };
};

/**
 * What is wrong with a key. The service's own words are for programs.
 *
 * @param {string | undefined} key
 */
const lockedBy = (key) =>
  key === undefined
    ? { title: "Key needed", detail: "The service answers only with a key; type yours." }
    : { title: "Unknown key", detail: "The service does not know this key; type another one." };

/**
 * Whether a status with Retry-After asks to come back: full, or starting or stopping.
 *
 * @param {number} status
 */
const isBusy = (status) => status === 429 || status === 503;

/**
 * Whether a proxy says that it got no answer. The service has a 504 of its own, for a deadline: that is a problem.
 *
 * @param {Response} response
 */
const isFromProxy = ({ status, headers }) =>
  (status === 502 || status === 504) &&
  !headers.get("content-type")?.startsWith("application/problem+json");

/**
 * What to say of a photo that did not get through. Browsers reject a request for a file that they cannot read, a folder
 * or one that changed or went, as they do without a connection.
 *
 * @param {Blob} photo
 * @returns {Promise<Failed | Unreached>}
 */
const withoutAnswer = async (photo) => {
  try {
    await photo.slice(0, 1).arrayBuffer();
  } catch {
    const detail = "It is a folder, or it was changed, moved or deleted; choose the photo again.";
    return { kind: "failed", title: "The file cannot be read", detail };
  }
  const detail = "The service cannot be reached; check the connection and try again.";
  return { kind: "unreached", title: "No answer", detail };
};

/**
 * Sends a photo to `/predict` as it is, and says what came of it.
 *
 * @param {Blob} photo
 * @param {AbortSignal} signal
 * @param {{ readonly maxBytes: number, readonly explain?: boolean, readonly key?: string | undefined, readonly request?: typeof fetch }} options the service's limit of a body, whether to ask where the answer comes from, the key if there is one, and what sends
 * @returns {Promise<Outcome>}
 * @throws the signal's reason, and nothing else
 */
export const askAbout = async (photo, signal, options) => {
  const { maxBytes, explain = false, key, request = fetch } = options;
  if (photo.size > maxBytes) {
    // The service looks at no byte of it, and on a slow line may close before the browser has read why.
    const detail = `The photo has more than ${maxBytes} bytes; send a smaller one.`;
    return { kind: "failed", title: "Content too large", detail };
  }
  const started = performance.now();
  try {
    const response = await request(explain ? "/predict?explain=1" : "/predict", {
      method: "POST",
      body: photo,
      headers: {
        "content-type": photo.type || "application/octet-stream",
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
      },
      signal,
    });
    if (response.ok) {
      const prediction = /** @type {Prediction} */ (await response.json());
      return { kind: "answered", prediction, milliseconds: performance.now() - started };
    }
    const problem = await readProblem(response);
    if (response.status === 401) return { kind: "locked", ...lockedBy(key) };
    if (isFromProxy(response)) return { kind: "unreached", ...problem };
    if (!isBusy(response.status)) return { kind: "failed", ...problem };
    const seconds = retryAfterSeconds(response.headers.get("retry-after"), Date.now());
    return { kind: "busy", ...problem, seconds };
  } catch {
    const outcome = await withoutAnswer(photo);
    signal.throwIfAborted();
    return outcome;
  }
};
