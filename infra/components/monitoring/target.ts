/** Where Prometheus finds the inference service's figures, and cAdvisor's of its pods. */
export type Target = {
  readonly namespace: string;
  /** Label `job` of the service's series; its pods' names begin with it too. */
  readonly job: string;
};

/** A selector of the service's own series. @param more further matchers: `status="200"` */
export const seriesOf = (
  { namespace, job }: Target,
  metric: string,
  ...more: readonly string[]
): string => `${metric}{${[`namespace="${namespace}"`, `job="${job}"`, ...more].join(",")}}`;
