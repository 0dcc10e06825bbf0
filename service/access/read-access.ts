import { type Settings, SettingsError } from "../settings.ts";
import { createFindKeyOwner, readApiKeys } from "./api-keys.ts";
import type { Access } from "./guard.ts";
import { createRateLimit } from "./rate-limit.ts";

/** A burst of so many seconds' worth of requests, where nobody says otherwise. */
const BURST_SECONDS = 10;

/** What the settings say about who may ask how often; undefined when everyone may. @throws SettingsError */
export const readAccess = async (settings: Settings): Promise<Access | undefined> => {
  const { API_KEYS_FILE, RATE_LIMIT: perSecond, TRUSTED_PROXIES: proxies } = settings;
  if (settings.RATE_BURST !== undefined && perSecond === undefined) {
    throw new SettingsError("RATE_BURST is set, but RATE_LIMIT is not; set both or neither.");
  }
  if (API_KEYS_FILE === undefined && perSecond === undefined) return undefined;
  const keys = API_KEYS_FILE === undefined ? undefined : await readApiKeys(API_KEYS_FILE);
  const limited = (requests: number) => {
    const burst = settings.RATE_BURST ?? Math.max(1, Math.ceil(requests * BURST_SECONDS));
    const options = { perSecond: requests, burst };
    return { ...createRateLimit(options), ...options };
  };
  return {
    proxies,
    ...(keys && { findKeyOwner: createFindKeyOwner(keys) }),
    ...(perSecond !== undefined && { rateLimit: limited(perSecond) }),
  };
};
