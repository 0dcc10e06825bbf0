import { afterEach, describe, expect, it, vi } from "vitest";
import type { Selection } from "./selection.ts";

const selection = (argoCd: boolean): Selection => ({
  ...{ stack: "embedded", stackReason: "", engine: "embedded", engineReason: "", cli: ["pulumi"] },
  ...{ cluster: { kind: "embedded", profile: "" }, servicePort: 8080, policies: true, argoCd },
});

describe("requireNoLeftArgoCd", () => {
  const check = async (application: string | undefined, argoCd: boolean): Promise<void> => {
    vi.resetModules();
    vi.doMock("./deployed.ts", () => ({ findDeployed: async () => ({ application }) }));
    const { requireNoLeftArgoCd } = await import("./owner.ts");
    await requireNoLeftArgoCd(selection(argoCd));
  };
  afterEach(() => {
    vi.doUnmock("./deployed.ts");
  });

  it("says what to do when Argo CD deploys what the program is to deploy now", async () => {
    await expect(check("argocd/cats-dogs", false)).rejects.toThrow(
      /^gitops\.enabled of stack embedded is false now, .* run `make down`, then `make up`\.$/,
    );
  });

  it("lets every other change pass", async () => {
    await expect(check("argocd/cats-dogs", true)).resolves.toBeUndefined();
    await expect(check(undefined, true)).resolves.toBeUndefined();
    await expect(check(undefined, false)).resolves.toBeUndefined();
  });
});
