/** How many images may be inside at once. */
export type AdmissionOptions = {
  /** Images inside while the service is overloaded: enough to keep the workers busy, few enough to answer soon. */
  readonly sustained: number;
  /** Images inside while it is not: a burst of as many clients is queued, not refused. */
  readonly burst: number;
  /** Time without a refusal, in milliseconds, after which an overload is over. */
  readonly recoverMs: number;
  /** Clock in milliseconds. @default performance.now */
  readonly now?: () => number;
};

/** The slots of one request. */
export type Place = {
  /** Frees the slots; calling it again does nothing. */
  leave(): void;
  /**
   * Takes the slots again once they were left: up to `burst` also while the service is overloaded, because this request
   * was let in already.
   *
   * @returns false when there are not so many free
   */
  comeBack(): boolean;
};

export type Admission = {
  /**
   * The request's place, or undefined when there are not so many slots free.
   *
   * @param images slots to take, one an image; more than `sustained` count as `sustained`, or they would never be let in.
   *   @default 1
   */
  enter(images?: number): Place | undefined;
  /** Images inside. */
  inside(): number;
};

/**
 * Decides, before anything of a body is read, whether a request gets a slot for each of its images.
 *
 * Two water marks: what exceeds `burst` shows that requests come faster than they are answered, and from then on a
 * long queue would only make every answer late; so only `sustained` are admitted until nothing was refused for a while.
 */
export const createAdmission = (options: AdmissionOptions): Admission => {
  const { sustained, burst, recoverMs, now = () => performance.now() } = options;
  let inside = 0;
  let refusedAt = Number.NEGATIVE_INFINITY;

  const take = (slots: number, limit: number): boolean => {
    if (inside + slots > limit) {
      refusedAt = now();
      return false;
    }
    inside += slots;
    return true;
  };

  const enter: Admission["enter"] = (images = 1) => {
    const slots = Math.min(images, sustained);
    const overloaded = now() - refusedAt < recoverMs;
    if (!take(slots, overloaded ? sustained : burst)) return undefined;
    let held = true;
    return {
      leave: () => {
        if (!held) return;
        held = false;
        inside -= slots;
      },
      comeBack: () => {
        held ||= take(slots, burst);
        return held;
      },
    };
  };

  return { enter, inside: () => inside };
};
