import type { IncomingMessage } from "node:http";
import { isIPv6 } from "node:net";

/** The first half of an IPv6 address, which names a subscriber: the other half is the subscriber's to vary at will. */
const networkOf = (address: string): string => {
  const [head = "", tail] = address.split("::");
  const groups = head.split(":").filter(Boolean);
  const missing =
    tail === undefined ? 0 : 8 - groups.length - tail.split(":").filter(Boolean).length;
  const all = [...groups, ...new Array<string>(missing).fill("0"), ...(tail?.split(":") ?? [])];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
};

/**
 * Whom to count a request for that brought no key: the address of the connection or, behind proxies, the one that the
 * outermost trusted proxy saw. IPv6 counts by network (/64).
 *
 * @param proxies number of proxies in front of the service that add to X-Forwarded-For; what stands left of their
 *   entries is the client's own invention
 */
export const clientAddress = (incoming: IncomingMessage, proxies: number): string => {
  const forwarded = proxies > 0 ? String(incoming.headers["x-forwarded-for"] ?? "") : "";
  const address =
    forwarded.split(",").at(-proxies)?.trim() || (incoming.socket.remoteAddress ?? "unknown");
  const bare = address.replace(/^\[|\](:\d+)?$|%.*$/g, "");
  // Some proxies write the client's port, too, which is another one with each connection.
  const [, ipv4] = /^(?:::ffff:)?(\d{1,3}(?:\.\d{1,3}){3})(?::\d+)?$/i.exec(bare) ?? [];
  if (ipv4 !== undefined) return ipv4;
  return isIPv6(bare) ? networkOf(bare) : address.slice(0, 64);
};
