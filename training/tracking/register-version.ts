import { z } from "zod";
import { type MlflowClient, TrackingError } from "./mlflow-client.ts";
import type { RunRecord } from "./run-record.ts";

/** Alias of the version that is the best on its test split. */
const CHAMPION = "champion";

/** A registered version, and whether it is the champion. */
export type Registered = {
  readonly version: string;
  readonly champion: boolean;
  /** Why it is not the champion, for people. */
  readonly reason?: string;
};

const tagsSchema = z.array(z.object({ key: z.string(), value: z.string() })).default([]);
const versionSchema = z.object({ version: z.string(), tags: tagsSchema });
const answerSchema = z.object({ model_version: versionSchema });
const searchSchema = z.object({ model_versions: z.array(versionSchema).default([]) });

type Version = z.infer<typeof versionSchema>;

const orWhenMissing = async <T>(request: Promise<T>): Promise<T | undefined> => {
  try {
    return await request;
  } catch (error) {
    if (error instanceof TrackingError && error.code === "RESOURCE_DOES_NOT_EXIST") {
      return undefined;
    }
    throw error;
  }
};

const ensureModel = async (client: MlflowClient, name: string): Promise<void> => {
  if (await orWhenMissing(client.get("registered-models/get", { name }))) return;
  try {
    await client.post("registered-models/create", { name });
  } catch (error) {
    const isThere = error instanceof TrackingError && error.code === "RESOURCE_ALREADY_EXISTS";
    if (!isThere) throw error;
  }
};

const ensureVersion = async (
  client: MlflowClient,
  { name, digest, splitDigest, accuracy, logLoss }: RunRecord["model"],
  run: { readonly id: string; readonly artifactUri: string },
): Promise<Version> => {
  const found = searchSchema.parse(
    await client.get("model-versions/search", { filter: `run_id='${run.id}'` }),
  );
  const [existing] = found.model_versions;
  if (existing) return existing;
  const tags = {
    model_digest: digest,
    split_digest: splitDigest,
    test_accuracy: String(accuracy),
    test_log_loss: String(logLoss),
  };
  const created = await client.post("model-versions/create", {
    ...{ name, run_id: run.id, source: `${run.artifactUri}/model` },
    tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
  });
  return answerSchema.parse(created).model_version;
};

/** Why a model does not take the champion's place, or undefined when it does. */
const whyNot = (model: RunRecord["model"], champion: Version | undefined): string | undefined => {
  if (!champion) return undefined;
  const tag = (key: string): string => champion.tags.find((each) => each.key === key)?.value ?? "";
  const of = `version ${champion.version}`;
  if (tag("split_digest") !== model.splitDigest) {
    return `${of} stays the champion: it was tested on other pictures`;
  }
  const accuracy = Number(tag("test_accuracy"));
  const better =
    model.accuracy > accuracy ||
    (model.accuracy === accuracy && model.logLoss < Number(tag("test_log_loss")));
  return better
    ? undefined
    : `${of} stays the champion: on the same pictures it is as good or better`;
};

/**
 * Registers a run's model as a version, once. It becomes the champion when there is none, or when it beats it on the same
 * test split: by accuracy, of equals by log loss.
 *
 * @throws TrackingError see {@link MlflowClient}
 */
export const registerVersion = async (
  client: MlflowClient,
  model: RunRecord["model"],
  run: { readonly id: string; readonly artifactUri: string },
): Promise<Registered> => {
  const { name } = model;
  await ensureModel(client, name);
  const { version } = await ensureVersion(client, model, run);
  const alias = { name, alias: CHAMPION };
  const given = await orWhenMissing(client.get("registered-models/alias", alias)).catch(
    (error: unknown) => {
      // MLflow says so of a model that is there and has no such alias.
      if (error instanceof TrackingError && error.code === "INVALID_PARAMETER_VALUE")
        return undefined;
      throw error;
    },
  );
  const champion = given ? answerSchema.parse(given).model_version : undefined;
  if (champion?.version === version) return { version, champion: true };
  const reason = whyNot(model, champion);
  if (reason !== undefined) return { version, champion: false, reason };
  await client.post("registered-models/alias", { ...alias, version });
  return { version, champion: true };
};
