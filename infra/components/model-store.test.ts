import { expect, it } from "vitest";
import { objectsOf } from "./testing/pod-security.ts";
import { recordPlatform } from "./testing/record-program.ts";

it("ModelStore is a claim of the stack's storage class and size", async () => {
  const recording = await recordPlatform({
    training: { source: "sample" },
    storageClass: "fast",
    modelStore: { size: "3Gi" },
  });
  const [claim] = objectsOf(recording, "core/v1:PersistentVolumeClaim");
  expect(claim?.inputs.spec).toEqual({
    accessModes: ["ReadWriteOnce"],
    storageClassName: "fast",
    resources: { requests: { storage: "3Gi" } },
  });
});
