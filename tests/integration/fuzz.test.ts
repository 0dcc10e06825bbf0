import { expect, it } from "vitest";
import { createRandom } from "../../training/random.ts";
import { useModelStore } from "../fixtures/model-store.ts";
import { colourImage, stubModel } from "../fixtures/models.ts";
import { predict } from "../fixtures/service-requests.ts";
import { fuzzUploads } from "../fuzz/fuzz-uploads.ts";
import { drawSeeds, mutatedUpload } from "../fuzz/mutate.ts";

const store = useModelStore();

it("answers mutated pictures and forms without a server error or a crash (10,000: tests/fuzz/bodies.ts)", async () => {
  await store.publish(await stubModel());
  const service = await store.start({ env: { DEADLINE: "60" } });
  await service.serving();
  const { statuses, failures } = await fuzzUploads({ url: service.url, count: 500, seed: 1 });
  expect(failures).toEqual([]);
  // Some mutations do no harm, and the others fail in every way that an upload can.
  expect(Object.keys(statuses)).toEqual(["200", "400", "415", "422"]);
  const metrics = await (await fetch(`${service.metricsUrl}/metrics`)).text();
  expect(metrics).toContain('worker_faults_total{fault="worker-crashed"} 0');
  expect((await predict(service, await colourImage("red"))).body).toMatchObject({ label: "cat" });
});

it("sends the same bodies for the same seed", async () => {
  const seeds = await drawSeeds();
  const first = mutatedUpload(createRandom("fuzz", 1, 7), seeds);
  expect(mutatedUpload(createRandom("fuzz", 1, 7), seeds)).toEqual(first);
  expect(mutatedUpload(createRandom("fuzz", 2, 7), seeds)).not.toEqual(first);
});
