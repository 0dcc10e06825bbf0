/** Names of the service's metrics: dashboards and alerts import them too, so that no rename leaves one behind. */
export const METRIC = {
  requests: "http_requests_total",
  requestDuration: "http_request_duration_seconds",
  requestsInFlight: "http_requests_in_flight",
  stageDuration: "inference_stage_duration_seconds",
  queueDepth: "inference_queue_depth",
  inferences: "inference_requests_total",
  failures: "inference_failures_total",
  predictions: "predictions_total",
  confidence: "prediction_confidence",
  modelInfo: "model_info",
  modelRefusals: "model_refusals_total",
  workersReady: "inference_workers_ready",
  workerFaults: "worker_faults_total",
  buildInfo: "build_info",
} as const;
