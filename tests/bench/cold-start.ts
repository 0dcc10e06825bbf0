import { type ServerKind, startServer } from "./servers.ts";
import { spreadOf } from "./statistics.ts";

/** Measured starts of each, behind one that is not: it fills the caches of compiled code, which images bring along. */
const ROUNDS = 5;

/**
 * From the start of the process to its first answer, with nothing else running: each in its turn, for the machine's speed drifts.
 *
 * @returns medians by name, milliseconds
 */
export const measureColdStarts = async (
  kinds: readonly ServerKind[],
  photo: Buffer,
): Promise<Record<string, number>> => {
  const taken = new Map(kinds.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const kind of kinds) {
      const { coldStart, stop } = await startServer(kind, photo);
      await stop();
      if (round > 0) taken.get(kind.name)?.push(coldStart);
    }
  }
  return Object.fromEntries([...taken].map(([name, times]) => [name, spreadOf(times).median]));
};
