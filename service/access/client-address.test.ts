import type { IncomingMessage } from "node:http";
import { expect, it } from "vitest";
import { clientAddress } from "./client-address.ts";

const from = (remoteAddress: string, forwarded?: string) =>
  ({
    socket: { remoteAddress },
    headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded },
  }) as unknown as IncomingMessage;

it.each([
  ["127.0.0.1", "127.0.0.1"],
  ["::ffff:10.0.0.7", "10.0.0.7"],
  ["2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"],
  ["2001:db8:1:2:bbbb:cccc:dddd:eeee", "2001:db8:1:2::/64"],
  ["2001:0db8:0001:0002::", "2001:db8:1:2::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
])("counts the connection from %s as %s", (address, client) => {
  expect(clientAddress(from(address), 0)).toBe(client);
});

it.each([
  ["no proxy is trusted", 0, "1.1.1.1", "9.9.9.9"],
  ["what the client made up is not", 1, "1.1.1.1, 2.2.2.2", "2.2.2.2"],
  ["two proxies", 2, "1.1.1.1, 2.2.2.2, 3.3.3.3", "2.2.2.2"],
  ["fewer entries than proxies", 2, "2.2.2.2", "9.9.9.9"],
  ["no header", 1, undefined, "9.9.9.9"],
  ["an IPv4 client with a port", 1, "1.1.1.1, 2.2.2.2:4711", "2.2.2.2"],
  ["an IPv4 client in IPv6, with a port", 1, "[::ffff:2.2.2.2]:4711", "2.2.2.2"],
  ["an IPv6 client with a port", 1, "[2001:db8::1]:4711", "2001:db8:0:0::/64"],
])("takes the address that the outermost trusted proxy saw: %s", (_, proxies, header, client) => {
  expect(clientAddress(from("9.9.9.9", header), proxies)).toBe(client);
});

it("keeps little of what is no address at all", () => {
  expect(clientAddress(from("9.9.9.9", "x".repeat(9999)), 1)).toHaveLength(64);
});
