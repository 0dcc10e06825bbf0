import { credentials, type ServiceError, status } from "@grpc/grpc-js";
import analyzerServices from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import messages, { type AnalyzeResponse } from "@pulumi/pulumi/proto/analyzer_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import { EngineError } from "../engine-error.ts";
import type { PropertyMap } from "../property-values.ts";
import type { ResourceState } from "../resource-state.ts";
import { nameOf } from "../urn.ts";
import { type PackOptions, startPack } from "./pack-process.ts";

/** What a policy has to say against a resource. */
export type Violation = {
  readonly policy: string;
  /** `mandatory`: the operation must not go on. */
  readonly level: "advisory" | "mandatory";
  /** What is wrong, and what the policy wants. */
  readonly message: string;
  /** The resource; empty when a stack policy names none. */
  readonly urn: string;
};

/** A resource, with what the program declares of it or, for a stack policy, what is known of it now. */
type AnalyzedResource = {
  readonly state: ResourceState;
  readonly properties: PropertyMap;
};

/** A policy pack that answers. */
export type Analyzer = {
  readonly analyze: (resource: AnalyzedResource) => Promise<readonly Violation[]>;
  readonly analyzeStack: (resources: readonly AnalyzedResource[]) => Promise<readonly Violation[]>;
  readonly close: () => void;
};

const MESSAGE_BYTES = 400 * 1024 * 1024;

const optionsOf = ({ protect, additionalSecretOutputs, customTimeouts, parent }: ResourceState) =>
  new messages.AnalyzerResourceOptions()
    .setProtect(protect ?? false)
    .setAdditionalsecretoutputsList([...(additionalSecretOutputs ?? [])])
    .setCustomtimeouts(
      new messages.AnalyzerResourceOptions.CustomTimeouts()
        .setCreate(customTimeouts?.create ?? 0)
        .setUpdate(customTimeouts?.update ?? 0)
        .setDelete(customTimeouts?.delete ?? 0),
    )
    .setParent(parent ?? "");

const structOf = (properties: PropertyMap): struct.Struct =>
  struct.Struct.fromJavaScript(properties as never);

const toRequest = ({ state, properties }: AnalyzedResource) =>
  new messages.AnalyzeRequest()
    .setType(state.type)
    .setUrn(state.urn)
    .setName(nameOf(state.urn))
    .setProperties(structOf(properties))
    .setOptions(optionsOf(state));

const toResource = ({ state, properties }: AnalyzedResource) => {
  const resource = new messages.AnalyzerResource()
    .setType(state.type)
    .setUrn(state.urn)
    .setName(nameOf(state.urn))
    .setProperties(structOf(properties))
    .setOptions(optionsOf(state))
    .setParent(state.parent ?? "")
    .setDependenciesList([...(state.dependencies ?? [])]);
  for (const [key, urns] of Object.entries(state.propertyDependencies ?? {})) {
    const dependencies = new messages.AnalyzerPropertyDependencies().setUrnsList([...urns]);
    resource.getPropertydependenciesMap().set(key, dependencies);
  }
  return resource;
};

/** The SDK puts the policy's description before what it found; people want to know first what is wrong. */
const messageOf = (message: string, description: string): string => {
  const found = message.startsWith(`${description}\n`)
    ? message.slice(description.length + 1)
    : message;
  return found === description || description === "" ? message : `${found}. ${description}`;
};

/** @param urn the resource that was asked about, for a violation that names none */
const violationsIn = (response: AnalyzeResponse, urn: string): readonly Violation[] =>
  response.getDiagnosticsList().map((diagnostic) => ({
    policy: diagnostic.getPolicyname(),
    // A policy that would mend the resource is not asked to: what it would have mended stops the operation.
    level:
      diagnostic.getEnforcementlevel() === messages.EnforcementLevel.ADVISORY
        ? "advisory"
        : "mandatory",
    message: messageOf(diagnostic.getMessage(), diagnostic.getDescription()),
    urn: diagnostic.getUrn() || urn,
  }));

/**
 * Starts a policy pack and speaks the SDK's `pulumirpc.Analyzer` protocol with it, as the CLI does.
 *
 * @throws EngineError when it does not start
 */
export const startAnalyzer = async (options: PackOptions): Promise<Analyzer> => {
  const pack = await startPack(options);
  const client = new analyzerServices.AnalyzerClient(pack.address, credentials.createInsecure(), {
    "grpc.max_receive_message_length": MESSAGE_BYTES,
    "grpc.max_send_message_length": MESSAGE_BYTES,
  });
  const ask = <Response>(
    call: (done: (error: ServiceError | null, response: Response) => void) => void,
  ): Promise<Response> =>
    new Promise((resolve, reject) => {
      call((error, response) => {
        if (error === null) resolve(response);
        else reject(new EngineError(`the policy pack failed: ${error.details}`, { cause: error }));
      });
    });
  const close = (): void => {
    client.close();
    pack.close();
  };
  const about = new messages.AnalyzerStackConfigureRequest()
    .setStack(options.stack)
    .setProject(options.project)
    .setOrganization("organization")
    .setDryRun(options.dryRun);
  await new Promise<void>((resolve, reject) => {
    client.configureStack(about, (error) => {
      // An older pack does without.
      if (error === null || error.code === status.UNIMPLEMENTED) resolve();
      else reject(new EngineError(`the policy pack failed: ${error.details}`, { cause: error }));
    });
  }).catch((error: unknown) => {
    close();
    throw error;
  });
  return {
    analyze: async (resource) => {
      const request = toRequest(resource);
      const response = await ask<AnalyzeResponse>((done) => client.analyze(request, done));
      return violationsIn(response, resource.state.urn);
    },
    analyzeStack: async (resources) => {
      const request = new messages.AnalyzeStackRequest().setResourcesList(
        resources.map(toResource),
      );
      const response = await ask<AnalyzeResponse>((done) => client.analyzeStack(request, done));
      return violationsIn(response, "");
    },
    close,
  };
};
