import { readFile } from "node:fs/promises";

/** Linux counts CPU time in hundredths of a second. */
const TICKS_A_SECOND = 100;

/** Busy time of the machine, and of this process with all children that have ended, seconds. */
const busySeconds = async (): Promise<{ readonly machine: number; readonly own: number }> => {
  const line = (await readFile("/proc/stat", "utf8")).split("\n", 1)[0] ?? "";
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  // Behind the name in parentheses: utime, stime, cutime and cstime are the fields 14 to 17.
  const fields = (await readFile("/proc/self/stat", "utf8")).split(") ")[1]?.split(" ") ?? [];
  const own = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return {
    machine: (user + nice + system + irq + softirq) / TICKS_A_SECOND,
    own: own / TICKS_A_SECOND,
  };
};

/** Starts to watch what others take of the machine; the result gives the cores that they used on average since then. */
export const watchForeignCpu = async (): Promise<() => Promise<number>> => {
  const [before, since] = [await busySeconds(), performance.now()];
  return async function foreignCores() {
    const after = await busySeconds();
    const foreign = after.machine - before.machine - (after.own - before.own);
    return Math.max(0, (foreign * 1000) / (performance.now() - since));
  };
};
