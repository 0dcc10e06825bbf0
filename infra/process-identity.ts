import { readFileSync } from "node:fs";

/**
 * A process by its id and, on Linux, its start time (clock ticks since boot): ids are reused, and after a reboot every
 * recorded id belongs to somebody else.
 */
export type ProcessIdentity = { readonly pid: number; readonly startTime: string };

/** When a process started, or undefined when there is none with that id; empty where the system does not tell. */
const startTimeOf = (pid: number): string | undefined => {
  if (process.platform !== "linux") {
    try {
      process.kill(pid, 0);
      return "";
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "EPERM" ? "" : undefined;
    }
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field, the name, may hold spaces and parentheses: count from behind it. State Z is a zombie.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
};

/** The identity of a process that runs now. */
export const identify = (pid: number): ProcessIdentity => ({
  pid,
  startTime: startTimeOf(pid) ?? "",
});

/** Whether that very process still runs. */
export const isAlive = ({ pid, startTime }: ProcessIdentity): boolean =>
  startTimeOf(pid) === startTime;
