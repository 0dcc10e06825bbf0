/** A worker that ended while it held the request. The request may be sent again. */
export class WorkerCrashedError extends Error {
  override readonly name = "WorkerCrashedError";
}
