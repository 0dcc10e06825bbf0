/** A Kubernetes object as the API gives it; only what the engine itself looks at is typed. */
export type KubernetesObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly generation?: number;
    readonly resourceVersion?: string;
    readonly deletionTimestamp?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
    readonly managedFields?: readonly ManagedFields[];
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
};

/** Which fields one manager owns. */
type ManagedFields = {
  readonly manager: string;
  readonly operation: string;
  readonly fieldsV1?: unknown;
};

/** A status condition, as most kinds have them. */
export type Condition = {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
};

/** What names an object in a cluster. */
export type ObjectName = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
};

/** The object's conditions; empty where its kind has none. */
export const conditionsOf = (object: KubernetesObject): readonly Condition[] => {
  const conditions = object.status?.["conditions"];
  return Array.isArray(conditions) ? (conditions as readonly Condition[]) : [];
};

/** `Deployment cats-dogs/api`, as messages name an object. */
export const describeName = ({ kind, name, namespace }: Omit<ObjectName, "apiVersion">): string =>
  `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;

/** The name of an object that was read. */
export const nameOfObject = ({ apiVersion, kind, metadata }: KubernetesObject): ObjectName => ({
  apiVersion,
  kind,
  name: metadata.name,
  namespace: metadata.namespace,
});
