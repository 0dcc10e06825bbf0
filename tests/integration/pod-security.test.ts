import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiError } from "../../infra/embedded/engine/providers/kubernetes/client.ts";
import {
  type ApiServer,
  missingApiServer,
  startApiServer,
} from "../../infra/embedded/engine/testing/api-server.ts";
import { podSamples } from "../../infra/policy/testing/pod-samples.ts";

const missing = missingApiServer();
if (missing !== undefined) process.stderr.write(`pod security tests skipped: ${missing}\n`);

/*
 * The verdicts of the policy restricted-pod-security are those of the admission that it foresees: the same samples that its
 * unit tests judge, judged by a real API server.
 */
describe.skipIf(missing !== undefined)("the pod-security profile of a real API server", () => {
  let server: ApiServer;
  const apply = (path: string, body: object, query: Record<string, string> = {}) =>
    server.client.request({
      ...{ method: "PATCH", path, body, contentType: "application/apply-patch+yaml" },
      query: { fieldManager: "test", ...query },
    });
  beforeAll(async () => {
    server = await startApiServer();
    await apply("/api/v1/namespaces/guarded", {
      ...{ apiVersion: "v1", kind: "Namespace" },
      metadata: {
        name: "guarded",
        labels: { "pod-security.kubernetes.io/enforce": "restricted" },
      },
    });
  });
  afterAll(() => server.stop());

  const verdict = async (spec: object): Promise<string> => {
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "sample" }, spec };
    try {
      await apply("/api/v1/namespaces/guarded/pods/sample", pod, {
        ...{ dryRun: "All", fieldValidation: "Strict" },
      });
      return "admitted";
    } catch (error) {
      return (error as ApiError).message;
    }
  };

  it.each(Object.entries(podSamples.restricted))("admits: %s", async (_, pod) => {
    expect(await verdict(pod)).toBe("admitted");
  });

  it.each(Object.entries(podSamples.unrestricted))("refuses: %s", async (_, pod) => {
    expect(await verdict(pod)).toContain('violates PodSecurity "restricted:latest"');
  });
});
