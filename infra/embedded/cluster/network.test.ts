import { expect, it, vi } from "vitest";
import { removeNetwork, withoutClusterRules } from "./network.ts";

const saved = `*nat
:PREROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:CNI-1f2e - [0:0]
:DOCKER - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 10.244.0.0/24 -j MASQUERADE
-A POSTROUTING -s 10.244.0.7/32 -m comment --comment "name: pods" -j CNI-1f2e
-A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -j KUBE-SVC-NPX
COMMIT
`;

it("takes the cluster's chains and rules out of the packet filter and leaves everybody else's", () => {
  expect(withoutClusterRules(saved)).toBe(`*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE
COMMIT
`);
});

it("has nothing to remove on a machine that never had a cluster, nor the programs that one is made with", async () => {
  vi.stubEnv("PATH", import.meta.dirname);
  try {
    await expect(removeNetwork()).resolves.toBeUndefined();
  } finally {
    vi.unstubAllEnvs();
  }
});
