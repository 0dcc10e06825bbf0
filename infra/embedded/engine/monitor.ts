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
import { type Declaration, toDeclaration } from "./declaration.ts";
import type { Severity } from "./display.ts";
import { messageOf } from "./engine-error.ts";
import type { PropertyMap } from "./property-values.ts";

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
