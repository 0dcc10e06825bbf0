/** How long figures are kept: longer than the 30 days that an error budget looks back. */
export const RETENTION = "31d";

/** What Prometheus may fill of its volume: nine tenths, for it compacts beside what it replaces. @param storage whole gibibytes, `4Gi` */
export const retentionSize = (storage: string): string =>
  `${Math.floor(Number.parseInt(storage, 10) * 1024 * 0.9)}MB`;
