import { readFile } from "node:fs/promises";
import { z } from "zod";
import { batchesOf } from "./batches.ts";
import { type MlflowClient, TrackingError } from "./mlflow-client.ts";
import { type Registered, registerVersion } from "./register-version.ts";
import { artifactPath, type KeptRecord, type RunRecord } from "./run-record.ts";

/** Tag by which a run that is half in MLflow is found again. */
const RECORD_TAG = "record_id";
const ARTIFACT_SCHEME = "mlflow-artifacts:/";

const experimentSchema = z.object({ experiment: z.object({ experiment_id: z.string() }) });
const createdExperimentSchema = z.object({ experiment_id: z.string() });
const runSchema = z.object({
  info: z.object({ run_id: z.string(), artifact_uri: z.string() }),
});
const foundRunsSchema = z.object({ runs: z.array(runSchema).default([]) });
const createdRunSchema = z.object({ run: runSchema });

const experimentId = async (client: MlflowClient, name: string): Promise<string> => {
  const byName = async (): Promise<string> =>
    experimentSchema.parse(await client.get("experiments/get-by-name", { experiment_name: name }))
      .experiment.experiment_id;
  try {
    return await byName();
  } catch (error) {
    if (!(error instanceof TrackingError) || error.code !== "RESOURCE_DOES_NOT_EXIST") throw error;
  }
  try {
    return createdExperimentSchema.parse(await client.post("experiments/create", { name }))
      .experiment_id;
  } catch (error) {
    // Another training was faster.
    if (error instanceof TrackingError && error.code === "RESOURCE_ALREADY_EXISTS") return byName();
    throw error;
  }
};

const ensureRun = async (
  client: MlflowClient,
  { id, name, experiment, startTime }: RunRecord,
): Promise<z.infer<typeof runSchema>["info"]> => {
  const experiment_id = await experimentId(client, experiment);
  const found = foundRunsSchema.parse(
    await client.post("runs/search", {
      experiment_ids: [experiment_id],
      filter: `tags.${RECORD_TAG} = '${id}'`,
      max_results: 1,
    }),
  );
  const [existing] = found.runs;
  if (existing) return existing.info;
  const created = await client.post("runs/create", {
    experiment_id,
    run_name: name,
    start_time: startTime,
    tags: [{ key: RECORD_TAG, value: id }],
  });
  return createdRunSchema.parse(created).run.info;
};

/** Where below the server's artifact root a run's files go. */
const artifactRoot = (uri: string): string => {
  if (uri.startsWith(ARTIFACT_SCHEME)) return uri.slice(ARTIFACT_SCHEME.length).replace(/^\/+/, "");
  throw new TrackingError(
    `MLflow keeps artifacts at ${uri}, which only its own clients reach; start it with --serve-artifacts`,
    "",
  );
};

/**
 * Tells MLflow all of a record and registers its model. What MLflow has already stays as it is, so a record that was sent
 * in part is sent again from the start.
 *
 * @throws TrackingError see {@link MlflowClient}
 */
export const sendRecord = async (
  client: MlflowClient,
  { record, directory }: KeptRecord,
): Promise<Registered> => {
  const { run_id, artifact_uri } = await ensureRun(client, record);
  const root = artifactRoot(artifact_uri);
  for (const batch of batchesOf(record)) await client.post("runs/log-batch", { run_id, ...batch });
  for (const artifact of record.artifacts) {
    const bytes = await readFile(artifactPath(directory, artifact));
    await client.upload(`${root}/${artifact}`, bytes);
  }
  const run = { id: run_id, artifactUri: artifact_uri };
  const registered = await registerVersion(client, record.model, run);
  await client.post("runs/update", { run_id, status: "FINISHED", end_time: record.endTime });
  return registered;
};
