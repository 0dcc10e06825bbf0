/**
 * A container's command that starts its program only when no other one has a directory: it holds a lock on a file in it for
 * as long as the program lives, and waits where somebody else holds that. Kubernetes starts a Deployment's new pod while the
 * deleted one still ends, with the same volume; a database that opens its files then misses what the old one still takes.
 *
 * @param directory must exist and be writable; the image needs `sh` and `flock` (util-linux or BusyBox)
 */
export const oneAtATime = (directory: string, ...command: readonly string[]): string[] => [
  "sh",
  "-c",
  'exec 9> "$0/.lock"; flock -n 9 || { echo "another process has $0; waiting until it ends"; flock 9; }; exec "$@"',
  directory,
  ...command,
];
