import { container, podSpec } from "./workloads.ts";

// biome-ignore lint/suspicious/noExplicitAny: see workloads.ts
type Loose = any;

const safe = { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } };
const context = (changes: Loose): Loose =>
  podSpec({ containers: [container({ securityContext: { ...safe, ...changes } })] });
const podContext = (changes: Loose, ownContext: Loose = {}): Loose => ({
  ...context(ownContext),
  securityContext: { ...podSpec().securityContext, ...changes },
});
const volume = (source: Loose): Loose => podSpec({ volumes: [{ name: "v", ...source }] });
const main = (changes: Loose): Loose => podSpec({ containers: [container(changes)] });

/**
 * Pods that are, and that are not, of the pod-security profile "restricted". The verdicts are those of Kubernetes itself:
 * tests/integration/pod-security.test.ts asks a real API server.
 */
export const podSamples: Readonly<
  Record<"restricted" | "unrestricted", Readonly<Record<string, Loose>>>
> = {
  restricted: {
    "as it should be": podSpec(),
    "several containers": podSpec({
      containers: [container(), container({ name: "two" })],
      initContainers: [
        container({ name: "first", readinessProbe: undefined, livenessProbe: undefined }),
      ],
    }),
    "settings of containers only": podSpec({
      securityContext: undefined,
      containers: [
        container({
          securityContext: {
            ...safe,
            ...{ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
          },
        }),
      ],
    }),
    NET_BIND_SERVICE: context({ capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] } }),
    "a user": context({ runAsUser: 1000 }),
    "an AppArmor profile": context({ appArmorProfile: { type: "RuntimeDefault" } }),
    "an SELinux type": context({ seLinuxOptions: { type: "container_t", level: "s0" } }),
    "the default /proc": context({ procMount: "Default" }),
    "safe sysctls": podContext({
      sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }],
    }),
    "an empty directory": volume({ emptyDir: {} }),
    "a claim": volume({ persistentVolumeClaim: { claimName: "c" } }),
    "a projected volume": volume({ projected: { sources: [] } }),
    "an empty probe host": main({ livenessProbe: { tcpSocket: { port: 1, host: "" } } }),
  },
  unrestricted: {
    "no security context": podSpec({
      securityContext: undefined,
      containers: [container({ securityContext: undefined })],
    }),
    "the second container": podSpec({
      containers: [container(), container({ name: "two", securityContext: undefined })],
    }),
    "an init container": podSpec({
      initContainers: [
        container({
          name: "first",
          securityContext: undefined,
          readinessProbe: undefined,
          livenessProbe: undefined,
        }),
      ],
    }),
    "privilege escalation left open": context({ allowPrivilegeEscalation: undefined }),
    "privilege escalation": context({ allowPrivilegeEscalation: true }),
    "capabilities left": context({ capabilities: undefined }),
    "one capability dropped": context({ capabilities: { drop: ["NET_RAW"] } }),
    "a capability added": context({ capabilities: { drop: ["ALL"], add: ["SYS_TIME"] } }),
    privileged: context({ allowPrivilegeEscalation: undefined, privileged: true }),
    "an open /proc": podSpec({
      hostUsers: false,
      containers: [container({ securityContext: { ...safe, procMount: "Unmasked" } })],
    }),
    "root by default": podContext({ runAsNonRoot: undefined }),
    "root said by the pod": podContext({ runAsNonRoot: false }, { runAsNonRoot: true }),
    "root said by the container": context({ runAsNonRoot: false }),
    "user 0 of the pod": podContext({ runAsUser: 0 }),
    "user 0 of the container": context({ runAsUser: 0 }),
    "no seccomp profile": podContext({ seccompProfile: undefined }),
    "an unconfined seccomp profile of the pod": podContext(
      { seccompProfile: { type: "Unconfined" } },
      { seccompProfile: { type: "RuntimeDefault" } },
    ),
    "an unconfined seccomp profile of the container": context({
      seccompProfile: { type: "Unconfined" },
    }),
    "an unconfined AppArmor profile": context({ appArmorProfile: { type: "Unconfined" } }),
    "an unconfined AppArmor profile of the pod": podContext({
      appArmorProfile: { type: "Unconfined" },
    }),
    "an SELinux type of another kind": context({ seLinuxOptions: { type: "spc_t" } }),
    "an SELinux user": podContext({ seLinuxOptions: { user: "system_u" } }),
    "an SELinux role": context({ seLinuxOptions: { role: "system_r" } }),
    "unsafe sysctls": podContext({ sysctls: [{ name: "kernel.msgmax", value: "1" }] }),
    "the host's network": podSpec({ hostNetwork: true }),
    "the host's process ids": podSpec({ hostPID: true }),
    "the host's IPC": podSpec({ hostIPC: true }),
    "a port of the host": main({ ports: [{ containerPort: 80, hostPort: 80 }] }),
    "a directory of the host": volume({ hostPath: { path: "/etc" } }),
    "a volume of an old kind": volume({ nfs: { server: "s", path: "/" } }),
    "a probe of another host": main({
      readinessProbe: { httpGet: { path: "/", port: 80, host: "10.0.0.1" } },
    }),
    "a socket probe of another host": main({
      livenessProbe: { tcpSocket: { port: 80, host: "10.0.0.1" } },
    }),
    "a hook that asks another host": main({
      lifecycle: { preStop: { httpGet: { path: "/", port: 80, host: "10.0.0.1" } } },
    }),
  },
};
