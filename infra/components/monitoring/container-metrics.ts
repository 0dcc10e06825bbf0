/** cAdvisor's figures that are kept: of containers and, without a container's name, of whole pods. */
export const CONTAINER_METRICS = {
  cpuSeconds: "container_cpu_usage_seconds_total",
  throttledSeconds: "container_cpu_cfs_throttled_seconds_total",
  workingSet: "container_memory_working_set_bytes",
  startTime: "container_start_time_seconds",
} as const;
