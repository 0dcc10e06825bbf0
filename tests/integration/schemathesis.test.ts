import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { useModelStore } from "../fixtures/model-store.ts";
import { stubModel } from "../fixtures/models.ts";
import { installPython, withoutPython } from "../fixtures/python.ts";
import { writeSegmenter } from "../fixtures/segmenter-model.ts";
import { statusOf } from "../fixtures/service-requests.ts";

const REQUIREMENTS = resolve(import.meta.dirname, "../fixtures/schemathesis/requirements.txt");
const skipped = await withoutPython();
const store = useModelStore();

it.skipIf(skipped)(
  `withstands what schemathesis makes of the OpenAPI document${skipped}`,
  async () => {
    const model = await stubModel();
    await store.publish(model);
    const service = await store.start({ env: await writeSegmenter(store.directory) });
    await service.serving();
    // Names that it invents would get 404 before anything is looked at.
    const config = join(store.directory, "schemathesis.toml");
    const { name, version } = model.metadata;
    await writeFile(
      config,
      // And a client that waits for a microsecond gets 504, as it should, which counts as a failure there.
      `[parameters]\n"path.name" = "${name}"\n"path.version" = "${version}"\n"header.request-timeout" = "60"\n`,
    );
    const python = await installPython("schemathesis", await readFile(REQUIREMENTS, "utf8"));
    const run = promisify(execFile)(
      join(dirname(python), "schemathesis"),
      [
        ...["--config-file", config, "run", `${service.url}/openapi.json`],
        ...["--seed", "1", "--max-examples", "30", "--phases", "examples,coverage,fuzzing"],
        // All checks but one: what the document allows need not fit the model that happens to be served.
        ...["--continue-on-failure", "--exclude-checks", "positive_data_acceptance"],
      ],
      { cwd: store.directory, env: { ...process.env, NO_COLOR: "1" } },
    );
    const output = await run.then(
      ({ stdout }) => stdout,
      (error: { readonly stdout: string }) => error.stdout,
    );
    expect(output).toMatch(/Selected: (\d+)\/\1\n\s+Tested: \1\n/);
    expect(output).toMatch(/Test cases:\n\s+(\d{3,}) generated, \1 passed\n/);
    expect(service.logs.filter((line) => Number(line["status"]) >= 500)).toEqual([]);
    expect(await statusOf(service, "/readyz")).toBe(200);
  },
);
