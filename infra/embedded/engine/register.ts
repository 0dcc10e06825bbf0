import { randomUUID } from "node:crypto";
import type { Alias, Declaration } from "./declaration.ts";
import { diffProperties } from "./diff.ts";
import { EngineError } from "./engine-error.ts";
import { type Registration, StoppedError } from "./monitor.ts";
import { containsUnsupported, type PropertyMap } from "./property-values.ts";
import { type Custom, registerCustom } from "./register-custom.ts";
import { configureProvider, createDefaultProviders, isProviderType } from "./register-provider.ts";
import type { ResourceState } from "./resource-state.ts";
import { contextFor, providerOf, type Session, showStep } from "./session.ts";
import { makeUrn, STACK_TYPE, typeOf } from "./urn.ts";

/** Takes the resources that the program declares. */
export type Registrar = {
  readonly register: (declaration: Declaration) => Promise<Registration>;
  readonly registerOutputs: (urn: string, outputs: PropertyMap) => void;
  /** Whether the program has declared the resource in this run. */
  readonly isDeclared: (urn: string) => boolean;
  /** Resolves when no registration is under way any more: a program may end before its resources do. */
  readonly settled: () => Promise<void>;
  /** What the program exports. */
  readonly stackOutputs: () => PropertyMap;
};

const CLI = "which the embedded engine does not support; use the Pulumi CLI (PULUMI_ENGINE=cli).";

const aliasUrn = (session: Session, { type, name, parent }: Declaration, alias: Alias): string => {
  if (alias.urn !== undefined) return alias.urn;
  const wanted = alias.parent ?? parent;
  return makeUrn({
    stack: session.stack,
    project: session.project,
    type: alias.type ?? type,
    name: alias.name ?? name,
    parent: wanted === "root" ? undefined : wanted,
  });
};

const adoptAlias = (session: Session, urn: string, declaration: Declaration): void => {
  if (session.journal.find(urn) !== undefined) return;
  const earlier = declaration.aliases
    .map((alias) => aliasUrn(session, declaration, alias))
    .find((candidate) => session.journal.find(candidate) !== undefined);
  if (earlier !== undefined) session.journal.rename(earlier, urn);
};

const checkSupported = ({ unsupported, inputs, custom }: Declaration): void => {
  if (unsupported.length > 0) {
    throw new EngineError(`it uses ${unsupported.join(" and ")}, ${CLI}`);
  }
  if (custom && containsUnsupported(inputs)) {
    throw new EngineError(`it takes an asset, archive or resource reference, ${CLI}`);
  }
};

const stateOf = (urn: string, declaration: Declaration): ResourceState => {
  const { dependencies, propertyDependencies, customTimeouts } = declaration;
  const { parent, protect, retainOnDelete, deletedWith, additionalSecretOutputs } = declaration;
  return {
    urn,
    custom: declaration.custom,
    type: declaration.type,
    inputs: declaration.inputs,
    ...(parent !== undefined && { parent }),
    ...(protect && { protect }),
    ...(retainOnDelete && { retainOnDelete }),
    ...(deletedWith !== undefined && { deletedWith }),
    ...(dependencies.length > 0 && { dependencies }),
    ...(Object.keys(propertyDependencies).length > 0 && { propertyDependencies }),
    ...(additionalSecretOutputs.length > 0 && { additionalSecretOutputs }),
    ...(Object.keys(customTimeouts).length > 0 && { customTimeouts }),
  };
};

/** A resource without a provider of its own: the stack, a component, or a provider. */
const registerPlain = async (
  session: Session,
  wanted: ResourceState,
  outputs: PropertyMap,
): Promise<Registration> => {
  const { urn, inputs = {} } = wanted;
  const old = session.journal.find(urn);
  const changes = old === undefined ? [] : diffProperties(old.inputs ?? {}, inputs);
  const operation = old === undefined ? "create" : changes.length > 0 ? "update" : "same";
  const keep = async (): Promise<void> => {
    session.journal.keep({ ...wanted, outputs });
    if (!session.dryRun && operation !== "same") await session.journal.flush();
  };
  if (session.dryRun || operation === "same") {
    session.display.plan(operation, urn, changes);
    session.count(operation);
    await keep();
  } else {
    await showStep(session, { operation, urn, changes }, keep);
  }
  return { urn, id: wanted.id ?? "", outputs: inputs };
};

/** Asks the policies about a resource that is about to be worked on. @throws StoppedError when an update must not go on */
const judge = async (session: Session, wanted: ResourceState): Promise<void> => {
  if (session.policies === undefined || (await session.policies.admits(wanted))) return;
  session.refuse();
  session.checkRunning();
};

/** Creates the registrar of one run of the program. */
export const createRegistrar = (session: Session): Registrar => {
  const declared = new Set<string>();
  const defaultProvider = createDefaultProviders(session, (urn) => declared.add(urn));
  let exported: PropertyMap = {};

  const prepare = async (urn: string, declaration: Declaration): Promise<Custom> => {
    const { type } = declaration;
    const provider = providerOf(session, type);
    if (provider === undefined) {
      throw new EngineError(`its type is ${type}, ${CLI}`);
    }
    const reference = declaration.provider ?? (await defaultProvider(declaration));
    const wanted: ResourceState = { ...stateOf(urn, declaration), provider: reference };
    const context = contextFor(session, wanted, undefined);
    const inputs = provider.check(type, declaration.inputs, context);
    return { declaration, provider, wanted: { ...wanted, inputs } };
  };

  const registerProvider = async (urn: string, declaration: Declaration): Promise<Registration> => {
    const { type, inputs } = declaration;
    if (!Object.hasOwn(session.providers, type.split(":").at(-1) ?? "")) {
      throw new EngineError(`its type is ${type}, ${CLI}`);
    }
    const wanted = stateOf(urn, declaration);
    await judge(session, wanted);
    const outputs = await configureProvider(session, urn, type, inputs);
    const id = session.journal.find(urn)?.id ?? randomUUID();
    return registerPlain(session, { ...wanted, id }, outputs);
  };

  const dispatch = async (urn: string, declaration: Declaration): Promise<Registration> => {
    if (!declaration.custom) {
      const wanted = stateOf(urn, declaration);
      await judge(session, wanted);
      return registerPlain(session, wanted, session.journal.find(urn)?.outputs ?? {});
    }
    return session.limit(async () => {
      session.checkRunning();
      if (isProviderType(declaration.type)) return registerProvider(urn, declaration);
      const custom = await prepare(urn, declaration);
      await judge(session, custom.wanted);
      return registerCustom(session, custom);
    });
  };

  const running = new Set<Promise<Registration>>();
  const registerOne = async (declaration: Declaration): Promise<Registration> => {
    const { project, stack } = session;
    const urn = makeUrn({ stack, project, ...declaration });
    try {
      session.checkRunning();
      if (declared.has(urn)) {
        throw new EngineError(
          `the program declares ${declaration.type} "${declaration.name}" twice; give one another name.`,
        );
      }
      declared.add(urn);
      checkSupported(declaration);
      adoptAlias(session, urn, declaration);
      return await dispatch(urn, declaration);
    } catch (error) {
      session.fail(error, { urn, inputs: declaration.inputs });
      throw new StoppedError("the operation is ending");
    }
  };

  return {
    register: (declaration) => {
      const registration = registerOne(declaration);
      running.add(registration);
      const done = (): void => void running.delete(registration);
      registration.then(done, done);
      return registration;
    },
    settled: async () => {
      while (running.size > 0) await Promise.allSettled(running);
    },
    registerOutputs: (urn, outputs) => {
      const resource = session.journal.find(urn);
      if (resource === undefined) return;
      session.journal.keep({ ...resource, outputs });
      if (typeOf(urn) === STACK_TYPE) exported = outputs;
    },
    isDeclared: (urn) => declared.has(urn),
    stackOutputs: () => exported,
  };
};
