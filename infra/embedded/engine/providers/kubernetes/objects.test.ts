import { describe, expect, it } from "vitest";
import { containsSecret, type PropertyMap, secret } from "../../property-values.ts";
import {
  comparable,
  hideData,
  idOf,
  managerOf,
  nameIn,
  outputsOf,
  sameName,
  toObject,
} from "./objects.ts";
import type { KubernetesObject } from "./types.ts";

const inputs: PropertyMap = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "login", namespace: "space", labels: null },
  stringData: { password: "in clear" },
};
const live: KubernetesObject = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: {
    name: "login",
    namespace: "space",
    uid: "1",
    resourceVersion: "7",
    managedFields: [],
  },
};

describe("Secrets", () => {
  it("are secret although the program gave them in clear", () => {
    expect(hideData(inputs, inputs)["stringData"]).toEqual(secret({ password: "in clear" }));
    expect(hideData({ ...inputs, kind: "ConfigMap" }, inputs)["stringData"]).toEqual({
      password: "in clear",
    });
    const data = { password: "aW4gY2xlYXI=" };
    const outputs = outputsOf({ ...live, data } as never, hideData(inputs, inputs), "me");
    expect(outputs["data"]).toEqual(secret(data));
    expect(outputs["__inputs"]).toSatisfy(containsSecret);
  });
});

describe("objects", () => {
  it("are sent without nulls, with secrets opened and dashes in names", () => {
    const object = toObject({
      ...inputs,
      spec: secret({ x_kubernetes_int_or_string: true, list: [{ a: null, b: 1 }] }),
    });
    expect(object.metadata).toEqual({ name: "login", namespace: "space" });
    expect(object.spec).toEqual({ "x-kubernetes-int-or-string": true, list: [{ b: 1 }] });
  });

  it("are kept without managed fields, with underscores and the field manager", () => {
    const spec = { "x-kubernetes-int-or-string": true };
    const outputs = outputsOf({ ...live, spec }, inputs, "me");
    expect(outputs["metadata"]).not.toHaveProperty("managedFields");
    expect(outputs["spec"]).toEqual({ x_kubernetes_int_or_string: true });
    expect(managerOf(inputs, { urn: "u", custom: true, type: "t", outputs })).toBe("me");
    expect(managerOf(inputs, undefined)).toMatch(/^pulumi-kubernetes-[0-9a-f]{8}$/);
  });

  it("are named with the provider's namespace where they name none", () => {
    const bare = { ...inputs, metadata: { name: "login" } };
    expect(nameIn(bare, { namespace: "other" }).namespace).toBe("other");
    expect(nameIn(inputs, { namespace: "other" }).namespace).toBe("space");
    expect(idOf(live)).toBe("space/login");
  });

  it("are the same in another version of their group, and not under another name", () => {
    const one = { apiVersion: "apps/v1beta1", kind: "Deployment", name: "a", namespace: "s" };
    expect(sameName(one, { ...one, apiVersion: "apps/v1" })).toBe(true);
    expect(sameName(one, { ...one, apiVersion: "extensions/v1beta1" })).toBe(false);
    expect(sameName(one, { ...one, namespace: "t" })).toBe(false);
  });

  it("are compared by what a person can change", () => {
    const later = { ...live, metadata: { ...live.metadata, resourceVersion: "8", generation: 3 } };
    expect(comparable(later)).toEqual(comparable({ ...live, status: { x: 1 } }));
  });
});
