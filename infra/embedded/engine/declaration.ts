import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import { parseDuration } from "./durations.ts";
import type { PropertyMap } from "./property-values.ts";
import type { CustomTimeouts } from "./resource-state.ts";

/** A resource as the program declares it. */
export type Declaration = {
  readonly type: string;
  readonly name: string;
  readonly parent: string | undefined;
  readonly custom: boolean;
  readonly inputs: PropertyMap;
  readonly dependencies: readonly string[];
  readonly propertyDependencies: Readonly<Record<string, readonly string[]>>;
  /** `<URN>::<id>` of an explicit provider. */
  readonly provider: string | undefined;
  readonly version: string;
  readonly protect: boolean;
  readonly deleteBeforeReplace: boolean;
  readonly retainOnDelete: boolean;
  readonly deletedWith: string | undefined;
  readonly ignoreChanges: readonly string[];
  readonly replaceOnChanges: readonly string[];
  readonly additionalSecretOutputs: readonly string[];
  readonly customTimeouts: CustomTimeouts;
  readonly aliases: readonly Alias[];
  /** Options that are set and that this engine does not carry, by name. */
  readonly unsupported: readonly string[];
};

/** An earlier name of a resource; what is undefined is as it is now. */
export type Alias = {
  readonly urn?: string;
  readonly name?: string;
  readonly type?: string;
  /** undefined: the present parent; `root`: none. */
  readonly parent?: string | "root";
};

const optional = (text: string): string | undefined => (text === "" ? undefined : text);

const timeoutsOf = (request: RegisterResourceRequest): CustomTimeouts => {
  const timeouts = request.getCustomtimeouts();
  const seconds = (text: string | undefined) =>
    text === undefined || text === "" ? undefined : parseDuration(text);
  const [create, update, remove] = [
    seconds(timeouts?.getCreate()),
    seconds(timeouts?.getUpdate()),
    seconds(timeouts?.getDelete()),
  ];
  return {
    ...(create !== undefined && { create }),
    ...(update !== undefined && { update }),
    ...(remove !== undefined && { delete: remove }),
  };
};

const aliasesOf = (request: RegisterResourceRequest): readonly Alias[] =>
  request.getAliasesList().map((alias) => {
    const spec = alias.getSpec();
    if (spec === undefined) return { urn: alias.getUrn() };
    const parent = spec.getNoparent() ? "root" : optional(spec.getParenturn());
    return {
      ...(spec.getName() !== "" && { name: spec.getName() }),
      ...(spec.getType() !== "" && { type: spec.getType() }),
      ...(parent !== undefined && { parent }),
    };
  });

const unsupportedOptions = (request: RegisterResourceRequest): readonly string[] => {
  const set: Readonly<Record<string, boolean>> = {
    "a remote component": request.getRemote(),
    import: request.getImportid() !== "",
    hooks: Object.values(request.getHooks()?.toObject() ?? {}).some((names) => names.length > 0),
    transforms: request.getTransformsList().length > 0,
    replaceWith: request.getReplaceWithList().length > 0,
    replacementTrigger: request.hasReplacementTrigger(),
    envVarMappings: request.getEnvvarmappingsMap().getLength() > 0,
  };
  return Object.keys(set).filter((name) => set[name]);
};

const propertyDependenciesOf = (
  request: RegisterResourceRequest,
): Readonly<Record<string, readonly string[]>> => {
  const found: Record<string, readonly string[]> = {};
  request.getPropertydependenciesMap().forEach((urns, key) => {
    found[key] = urns.getUrnsList();
  });
  return found;
};

/** Decodes what the SDK sends. @throws EngineError when a duration is none */
export const toDeclaration = (request: RegisterResourceRequest): Declaration => ({
  type: request.getType(),
  name: request.getName(),
  parent: optional(request.getParent()),
  custom: request.getCustom(),
  inputs: (request.getObject()?.toJavaScript() ?? {}) as PropertyMap,
  dependencies: request.getDependenciesList(),
  propertyDependencies: propertyDependenciesOf(request),
  provider: optional(request.getProvider()),
  version: request.getVersion(),
  protect: request.getProtect() ?? false,
  deleteBeforeReplace: request.getDeletebeforereplace(),
  retainOnDelete: request.getRetainondelete() ?? false,
  deletedWith: optional(request.getDeletedwith()),
  ignoreChanges: request.getIgnorechangesList(),
  replaceOnChanges: request.getReplaceonchangesList(),
  additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
  customTimeouts: timeoutsOf(request),
  aliases: aliasesOf(request),
  unsupported: unsupportedOptions(request),
});
