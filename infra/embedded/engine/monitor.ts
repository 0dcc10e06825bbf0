import {
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import engineServices from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import type { LogRequest, SetRootResourceRequest } from "@pulumi/pulumi/proto/engine_pb.js";
import engineMessages from "@pulumi/pulumi/proto/engine_pb.js";
import resourceServices from "@pulumi/pulumi/proto/resource_grpc_pb.js";
import type {
  RegisterResourceOutputsRequest,
  RegisterResourceRequest,
} from "@pulumi/pulumi/proto/resource_pb.js";
import resourceMessages from "@pulumi/pulumi/proto/resource_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import type { Severity } from "./display.ts";
import { parseDuration } from "./durations.ts";
import { messageOf } from "./engine-error.ts";
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

/** What the program is told of a registered resource. */
export type Registration = {
  readonly urn: string;
  readonly id: string;
  readonly outputs: PropertyMap;
};

/** What the monitor asks of the engine. */
export type MonitorHandlers = {
  readonly register: (declaration: Declaration) => Promise<Registration>;
  readonly registerOutputs: (urn: string, outputs: PropertyMap) => void;
  readonly log: (severity: Severity, message: string, urn: string) => void;
  /** Called for a request that this engine cannot serve, before the program is told to stop. */
  readonly refuse: (what: string) => void;
};

/** The operation is coming to its end: the SDK stops quietly when it is told so. */
export class StoppedError extends Error {
  override readonly name = "StoppedError";
}

const SEVERITIES: readonly Severity[] = ["debug", "info", "warning", "error"];
// The SDK's own limit; a program may well send more than gRPC's default of 4 MB.
const MESSAGE_BYTES = 400 * 1024 * 1024;

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

const toDeclaration = (request: RegisterResourceRequest): Declaration => ({
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

/** Decodes a request; one that cannot be decoded ends the operation like any other failure. */
const declarationOf = (request: RegisterResourceRequest, { log }: MonitorHandlers): Declaration => {
  try {
    return toDeclaration(request);
  } catch (error) {
    log("error", `${request.getType()} "${request.getName()}": ${messageOf(error)}`, "");
    throw new StoppedError("the operation is ending");
  }
};

const answer =
  <Request, Response>(
    serve: (request: Request) => Promise<Response> | Response,
  ): handleUnaryCall<Request, Response> =>
  async (call, done) => {
    try {
      done(null, await serve(call.request));
    } catch (error) {
      // UNAVAILABLE makes the SDK end without a stack trace: what went wrong has been shown already.
      const code = error instanceof StoppedError ? status.UNAVAILABLE : status.UNKNOWN;
      done({ code, message: messageOf(error) });
    }
  };

const refuseAll = (
  service: ServiceDefinition,
  refuse: (what: string) => void,
): UntypedServiceImplementation =>
  Object.fromEntries(
    Object.keys(service).map((name) => [
      name,
      answer(() => {
        refuse(name);
        throw new StoppedError(name);
      }),
    ]),
  );

const monitorService = (handlers: MonitorHandlers): UntypedServiceImplementation => {
  const {
    RESOURCE_MONITOR_FEATURE_SECRETS,
    RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    RESOURCE_MONITOR_FEATURE_DELETED_WITH,
  } = resourceMessages.ResourceMonitorFeature;
  return {
    ...refuseAll(resourceServices.ResourceMonitorService, handlers.refuse),
    getDeploymentInfo: answer(() =>
      new resourceMessages.DeploymentInfo().setSupportedfeaturesList([
        RESOURCE_MONITOR_FEATURE_SECRETS,
        RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
        RESOURCE_MONITOR_FEATURE_DELETED_WITH,
      ]),
    ),
    registerResource: answer(async (request: RegisterResourceRequest) => {
      const { urn, id, outputs } = await handlers.register(declarationOf(request, handlers));
      return new resourceMessages.RegisterResourceResponse()
        .setUrn(urn)
        .setId(id)
        .setObject(struct.Struct.fromJavaScript(outputs as never));
    }),
    registerResourceOutputs: answer((request: RegisterResourceOutputsRequest) => {
      handlers.registerOutputs(
        request.getUrn(),
        (request.getOutputs()?.toJavaScript() ?? {}) as PropertyMap,
      );
      return new empty.Empty();
    }),
    signalAndWaitForShutdown: answer(() => new empty.Empty()),
  };
};

const engineService = (handlers: MonitorHandlers): UntypedServiceImplementation => {
  let root = "";
  return {
    ...refuseAll(engineServices.EngineService, handlers.refuse),
    log: answer((request: LogRequest) => {
      const severity = SEVERITIES[request.getSeverity()] ?? "info";
      handlers.log(severity, request.getMessage(), request.getUrn());
      return new empty.Empty();
    }),
    getRootResource: answer(() => new engineMessages.GetRootResourceResponse().setUrn(root)),
    setRootResource: answer((request: SetRootResourceRequest) => {
      root = request.getUrn();
      return new engineMessages.SetRootResourceResponse();
    }),
    requirePulumiVersion: answer(() => new engineMessages.RequirePulumiVersionResponse()),
  };
};

/** A listening monitor. */
export type Monitor = { readonly address: string; readonly close: () => void };

/** Serves `pulumirpc.ResourceMonitor` and `pulumirpc.Engine` on a free loopback port, for one program. */
export const startMonitor = async (handlers: MonitorHandlers): Promise<Monitor> => {
  const server = new Server({
    "grpc.max_receive_message_length": MESSAGE_BYTES,
    "grpc.max_send_message_length": MESSAGE_BYTES,
  });
  server.addService(resourceServices.ResourceMonitorService, monitorService(handlers));
  server.addService(engineServices.EngineService, engineService(handlers));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { address: `127.0.0.1:${port}`, close: () => server.forceShutdown() };
};
