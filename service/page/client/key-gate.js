/** @import { Locked, Outcome } from "./outcome.js" */

/** Where the key is kept: until the tab is closed, and for this service alone. */
const NAME = "api-key";

/** What keeps the key; undefined where the browser keeps nothing of sites, and throws when it is asked for its storage. */
export const openTabStorage = () => {
  try {
    return sessionStorage;
  } catch {
    return undefined;
  }
};

/**
 * @typedef {{
 *   readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> | undefined,
 *   readonly onLocked: (outcome: Locked) => void,
 * }} KeyGateOptions
 * `onLocked` hears that a key is needed, or that the one that was given is not known.
 */

/**
 * Asks with the key that people gave, if any; without a storage it is known until the page is left. Once the service refused it nothing more is asked until there is another
 * one: the same would be refused again.
 *
 * @param {KeyGateOptions} options
 */
export const createKeyGate = ({ storage, onLocked }) => {
  let key = storage?.getItem(NAME) ?? undefined;
  /** @type {Locked | undefined} */
  let locked;

  return {
    /**
     * @param {(key: string | undefined) => Promise<Outcome>} send
     * @returns {Promise<Outcome>}
     */
    async ask(send) {
      while (!locked) {
        const sent = key;
        const outcome = await send(sent);
        if (outcome.kind !== "locked") return outcome;
        // Refused was the key of before: ask with the one that came meanwhile.
        if (sent !== key) continue;
        storage?.removeItem(NAME);
        key = undefined;
        if (!locked) onLocked(outcome);
        locked = outcome;
      }
      return locked;
    },
    /** @param {string} given */
    use(given) {
      key = given;
      storage?.setItem(NAME, given);
      locked = undefined;
    },
  };
};
