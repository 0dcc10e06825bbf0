import type { Logger } from "pino";
import { type Settings, SettingsError } from "../settings.ts";
import type { Access } from "./guard.ts";
import { createRateLimit } from "./rate-limit.ts";
import { watchKeys } from "./watch-keys.ts";

/** A burst of so many seconds' worth of requests, where nobody says otherwise. */
const BURST_SECONDS = 10;

/** What the settings say about who may ask how often; undefined when everyone may. @throws SettingsError */
export const readAccess = async (
  settings: Settings,
  log: Pick<Logger, "info" | "warn">,
): Promise<Access | undefined> => {
  const { API_KEYS_FILE, RATE_LIMIT: perSecond, TRUSTED_PROXIES: proxies } = settings;
  if (settings.RATE_BURST !== undefined && perSecond === undefined) {
    throw new SettingsError("RATE_BURST is set, but RATE_LIMIT is not; set that, too, or neither.");
  }
  if (API_KEYS_FILE === undefined && perSecond === undefined) return undefined;
  const keys =
    API_KEYS_FILE === undefined ? undefined : await watchKeys({ file: API_KEYS_FILE, log });
  const limited = (requests: number) => {
    const burst = settings.RATE_BURST ?? Math.max(1, Math.ceil(requests * BURST_SECONDS));
    const options = { perSecond: requests, burst };
    return { ...createRateLimit(options), ...options };
  };
  return {
    proxies,
    ...(keys && { findKeyOwner: keys.find }),
    ...(perSecond !== undefined && { rateLimit: limited(perSecond) }),
  };
};
