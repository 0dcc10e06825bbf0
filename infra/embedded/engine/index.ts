/**
 * The embedded engine: runs an unmodified Pulumi TypeScript program where the Pulumi CLI cannot be had. It speaks the SDK's
 * gRPC protocol, keeps state in Pulumi's own file backend format, and knows `kubernetes:*`, `command:local:Command` and two
 * `random:*` types. Everything else is a clear error.
 */
export {
  type OperationOptions,
  type OperationResult,
  readOutputs,
  runOperation,
} from "./operation.ts";
