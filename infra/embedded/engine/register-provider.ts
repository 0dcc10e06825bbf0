import { randomUUID } from "node:crypto";
import type { Declaration } from "./declaration.ts";
import { UnreachableError } from "./engine-error.ts";
import { containsUnknown, type PropertyMap } from "./property-values.ts";
import { parseProviderReference, type ResourceState, requirementsOf } from "./resource-state.ts";
import type { Session } from "./session.ts";
import { makeUrn } from "./urn.ts";

const PREFIX = "pulumi:providers:";
/** Where the state keeps which cluster a provider spoke to. */
const IDENTITY = "__clusterIdentity";

/** Whether the type is that of a provider. */
export const isProviderType = (type: string): boolean => type.startsWith(PREFIX);

/** Which cluster the provider spoke to when the state was written. */
export const knownIdentity = (provider: ResourceState | undefined): string | undefined => {
  const identity = provider?.outputs?.[IDENTITY];
  return typeof identity === "string" ? identity : undefined;
};

const findIdentity = async (
  session: Session,
  urn: string,
  inputs: PropertyMap,
): Promise<string | undefined> => {
  try {
    return await session.providers.kubernetes.identify(inputs, session);
  } catch (error) {
    if (!session.dryRun || !(error instanceof UnreachableError)) throw error;
    session.display.message(
      "warning",
      `${error.message} The preview compares with the state alone.`,
      urn,
    );
    return undefined;
  }
};

/**
 * Objects of a cluster that is no more exist nowhere: nothing of them needs to be deleted. Nor is there anything left of what
 * commands did with them, so these run again.
 */
const forgetLostObjects = async (session: Session, urn: string): Promise<void> => {
  const known = session.journal.all();
  const lost = known.filter(
    ({ provider }) => provider !== undefined && parseProviderReference(provider).urn === urn,
  );
  const urns = new Set(lost.map((object) => object.urn));
  const commands = known.filter(
    (each) =>
      session.providers.command.supports(each.type) &&
      requirementsOf(each).some((required) => urns.has(required)),
  );
  await session.journal.forget([...lost, ...commands]);
  session.display.message(
    "warning",
    `the kubeconfig names another cluster than before: its ${lost.length} objects are created again.`,
    urn,
  );
};

/**
 * Finds out which cluster a Kubernetes provider speaks to, and gives the outputs that remember it.
 *
 * @throws UnreachableError in an update, when the cluster does not answer
 */
export const configureProvider = async (
  session: Session,
  urn: string,
  type: string,
  inputs: PropertyMap,
): Promise<PropertyMap> => {
  const before = knownIdentity(session.journal.find(urn));
  if (type !== `${PREFIX}kubernetes`) return inputs;
  const now = containsUnknown(inputs) ? undefined : await findIdentity(session, urn, inputs);
  if (before !== undefined && now !== undefined && before !== now) {
    await forgetLostObjects(session, urn);
  }
  const identity = now ?? before;
  return { ...inputs, ...(identity !== undefined && { [IDENTITY]: identity }) };
};

const defaultInputs = (session: Session, name: string, { version }: Declaration): PropertyMap => {
  const prefix = `${name}:`;
  const configured = Object.entries(session.config)
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), value] as const);
  return { ...Object.fromEntries(configured), ...(version !== "" && { version }) };
};

/**
 * Makes the default providers of an operation: one for each package and version, as the Pulumi CLI does.
 *
 * @param declare is told of each, because what nobody declared is deleted at the end
 */
export const createDefaultProviders = (
  session: Session,
  declare: (urn: string) => void,
): ((declaration: Declaration) => Promise<string>) => {
  const made = new Map<string, Promise<string>>();
  return (declaration) => {
    const name = declaration.type.split(":")[0] ?? "";
    const type = `${PREFIX}${name}`;
    const { project, stack } = session;
    const suffix = declaration.version === "" ? "" : `_${declaration.version.replaceAll(".", "_")}`;
    const urn = makeUrn({ stack, project, type, name: `default${suffix}` });
    const register = async (): Promise<string> => {
      declare(urn);
      const inputs = defaultInputs(session, name, declaration);
      const outputs = await configureProvider(session, urn, type, inputs);
      const id = session.journal.find(urn)?.id ?? randomUUID();
      session.journal.keep({ urn, custom: true, id, type, inputs, outputs });
      return `${urn}::${id}`;
    };
    const known = made.get(urn) ?? register();
    made.set(urn, known);
    return known;
  };
};

/** Whether the resource is a default provider, which no program declares and nobody wants to see. */
export const isDefaultProvider = ({ urn, type }: Pick<ResourceState, "urn" | "type">): boolean =>
  isProviderType(type) && /::default(_[\w-]+)?$/.test(urn);
