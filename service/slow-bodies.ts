import type { Place } from "./admission.ts";

/** What a request takes of the memory beside its body's bytes. */
const REQUEST_BYTES = 16 * 1024;

/** Watches over one body, from its first byte to its last. */
type BodyWatch = {
  /** To be called when more of it has arrived. @param bytes of it so far */
  received(bytes: number): void;
  /** To be called when it is complete. @returns whether the request has its slots, or has them again */
  complete(): boolean;
  /** To be called when nobody waits for it any more, complete or not. */
  end(): void;
};

export type SlowBodiesOptions = {
  /** Of all slow bodies together. */
  readonly maxBytes: number;
  /** Time after which a body that is not there yet is slow. */
  readonly patienceMs: number;
};

export type SlowBodies = {
  /**
   * @param place of the request, which is left when the body is slow
   * @param refuse ends the request: there is neither memory nor a slot for the rest of its body
   */
  watch(place: Place, refuse: () => void): BodyWatch;
};

/**
 * Lets requests whose bodies are slow to arrive wait without slots, as a proxy that buffers requests would: otherwise as
 * many slow senders as there are slots keep everybody else away from workers that have nothing to do. A complete body takes
 * its slots again.
 *
 * They are bounded by the bytes that have arrived, not by those that were announced: what drips has next to none. A body
 * that finds no room here keeps its slots, and one that outgrows the room takes them again.
 */
export const createSlowBodies = ({ maxBytes, patienceMs }: SlowBodiesOptions): SlowBodies => {
  let held = 0;

  const watch: SlowBodies["watch"] = (place, refuse) => {
    let length = 0;
    let counted = 0;
    const aside = (): boolean => counted > 0;
    const count = (bytes: number): void => {
      held += bytes - counted;
      counted = bytes;
    };
    const fits = (bytes: number): boolean => held - counted + bytes <= maxBytes;

    const timer = setTimeout(() => {
      const bytes = REQUEST_BYTES + length;
      if (!fits(bytes)) return;
      count(bytes);
      place.leave();
    }, patienceMs);

    const comeBack = (): boolean => {
      count(0);
      return place.comeBack();
    };

    return {
      received: (bytes) => {
        length = bytes;
        if (!aside()) return;
        if (fits(REQUEST_BYTES + length)) count(REQUEST_BYTES + length);
        else if (!comeBack()) refuse();
      },
      complete: () => {
        clearTimeout(timer);
        return !aside() || comeBack();
      },
      end: () => {
        clearTimeout(timer);
        count(0);
      },
    };
  };
  return { watch };
};
