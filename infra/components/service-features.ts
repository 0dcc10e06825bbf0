import type * as k8s from "@pulumi/kubernetes";
import type { Settings } from "../config/settings.ts";
import { API_KEYS } from "./api-keys.ts";
import { toAnywhere } from "./network-rules.ts";
import type { Mount } from "./restricted-pod.ts";
import { OUTPUTS, SAMPLES } from "./service-storage.ts";

/** The stack's settings of what the service does beside answering. */
export type ServiceFeatures = Pick<
  Settings["service"],
  "access" | "models" | "sampling" | "storage" | "traces"
>;

/** What a feature needs of the service's pods. */
type Needs = {
  readonly env?: readonly k8s.types.input.core.v1.EnvVar[];
  readonly mounts?: readonly Mount[];
  /** Port of another machine or namespace that they call. */
  readonly calls?: number;
};

const DAY_SECONDS = 24 * 3600;
const KEYS_DIRECTORY = "/api-keys";
const SAMPLES_DIRECTORY = "/samples";
const OUTPUTS_DIRECTORY = "/outputs";

/** Variables of the service's environment, but for those that nothing is known for: the service has defaults. */
const variables = (
  values: Readonly<Record<string, string | number | undefined>>,
): readonly { readonly name: string; readonly value: string }[] =>
  Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name, value: String(value) }],
  );

const secretVariable = (name: string, secret: string, key = name) => ({
  name,
  valueFrom: { secretKeyRef: { name: secret, key } },
});

const claimMount = (claim: string, path: string): Mount => ({
  path,
  volume: { name: claim, persistentVolumeClaim: { claimName: claim } },
});

const accessNeeds = ({ keys, ...limit }: ServiceFeatures["access"]): Needs => ({
  env: variables({
    API_KEYS_FILE: keys === undefined ? undefined : `${KEYS_DIRECTORY}/${API_KEYS.file}`,
    RATE_LIMIT: limit.rateLimit,
    RATE_BURST: limit.rateBurst,
    TRUSTED_PROXIES: limit.trustedProxies,
  }),
  ...(keys !== undefined && {
    mounts: [
      {
        path: KEYS_DIRECTORY,
        readOnly: true,
        volume: { name: API_KEYS.secret, secret: { secretName: API_KEYS.secret } },
      },
    ],
  }),
});

const modelsNeeds = ({ precision, max, load }: ServiceFeatures["models"]): Needs => ({
  env: variables({
    PRECISION: precision,
    MAX_MODELS: max,
    LOAD_MODELS: load.length === 0 ? undefined : load.join(","),
  }),
});

const samplingNeeds = ({ enabled, share, days, megabytes }: ServiceFeatures["sampling"]): Needs =>
  enabled
    ? {
        env: variables({
          SAMPLE_DIRECTORY: SAMPLES_DIRECTORY,
          SAMPLE_SHARE: share,
          SAMPLE_DAYS: days,
          SAMPLE_MEGABYTES: megabytes,
        }),
        mounts: [claimMount(SAMPLES.claim, SAMPLES_DIRECTORY)],
      }
    : {};

const storageNeeds = (storage: ServiceFeatures["storage"]): Needs => {
  switch (storage.kind) {
    case "none":
      return {};
    case "volume":
      return {
        env: [
          ...variables({
            STORAGE_DIR: OUTPUTS_DIRECTORY,
            STORAGE_RETENTION: storage.days * DAY_SECONDS,
          }),
          secretVariable("STORAGE_SIGNING_KEY", OUTPUTS.secret, OUTPUTS.key),
        ],
        mounts: [claimMount(OUTPUTS.claim, OUTPUTS_DIRECTORY)],
      };
    case "s3":
      return {
        env: [
          ...variables({
            STORAGE_S3_BUCKET: storage.bucket,
            STORAGE_S3_ENDPOINT: storage.endpoint,
            STORAGE_S3_REGION: storage.region,
            STORAGE_S3_PREFIX: storage.prefix,
            STORAGE_RETENTION: storage.days * DAY_SECONDS,
          }),
          secretVariable("AWS_ACCESS_KEY_ID", storage.secret),
          secretVariable("AWS_SECRET_ACCESS_KEY", storage.secret),
        ],
        calls: storage.endpoint === undefined ? 443 : portOf(storage.endpoint),
      };
  }
};

const tracesNeeds = ({ endpoint }: ServiceFeatures["traces"]): Needs =>
  endpoint === undefined
    ? {}
    : { env: variables({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }), calls: portOf(endpoint) };

const portOf = (address: string): number => {
  const { port, protocol } = new URL(address);
  return Number(port) || (protocol === "https:" ? 443 : 80);
};

/** What the stack's settings make of the service's pods: nothing, unless something is set. */
export const podNeeds = (features: ServiceFeatures) => {
  const needs = [
    accessNeeds(features.access),
    modelsNeeds(features.models),
    samplingNeeds(features.sampling),
    storageNeeds(features.storage),
    tracesNeeds(features.traces),
  ];
  const ports = new Set(needs.flatMap(({ calls }) => calls ?? []));
  return {
    env: needs.flatMap(({ env = [] }) => env),
    mounts: needs.flatMap(({ mounts = [] }) => mounts),
    // Where these servers are is not known here; in the cluster it is the port of their pods that counts.
    egress: [...ports].map(toAnywhere),
  };
};
