/** A service level objective: at least `objective` of all events are good ones. */
export type Slo = {
  /** Label `slo` of its series: `availability`. */
  readonly name: string;
  /** Name of its alerts. */
  readonly alert: string;
  /** Share of good events, between 0 and 1. */
  readonly objective: number;
  /** What a bad event is, to end the sentence "too many …". */
  readonly badEvents: string;
  /** PromQL: bad events a second over a window such as `5m`; an empty result counts as none. */
  readonly bad: (window: string) => string;
  /** PromQL: all events a second over a window, one sample without labels. */
  readonly total: (window: string) => string;
};

/** A rule of Prometheus: a recording or an alert. */
export type Rule = {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
};

/** Rules that are evaluated one after the other. */
export type RuleGroup = { readonly name: string; readonly rules: readonly Rule[] };

/** Hours in each window that the alerts and the error budget look back. */
const WINDOWS = {
  "5m": 1 / 12,
  "30m": 0.5,
  "1h": 1,
  "2h": 2,
  "6h": 6,
  "1d": 24,
  "3d": 72,
  "30d": 720,
};
type Window = keyof typeof WINDOWS;

type BurnRate = {
  readonly severity: "page" | "ticket";
  /** The long window says that it matters, the short one that it still goes on. */
  readonly pairs: readonly {
    readonly long: Window;
    readonly short: Window;
    readonly rate: number;
  }[];
};

/**
 * How many times faster than allowed the budget of 30 days may burn: 14.4 uses 2 % of it in an hour.
 *
 * @see https://sre.google/workbook/alerting-on-slos/ multiwindow, multi-burn-rate alerts
 */
const BURN_RATES: readonly BurnRate[] = [
  {
    severity: "page",
    pairs: [
      { long: "1h", short: "5m", rate: 14.4 },
      { long: "6h", short: "30m", rate: 6 },
    ],
  },
  {
    severity: "ticket",
    pairs: [
      { long: "1d", short: "2h", rate: 3 },
      { long: "3d", short: "6h", rate: 1 },
    ],
  },
];

/** Fewer bad events than this in the long window wake nobody: with few requests, one failure is a large share. */
const MINIMUM_BAD_EVENTS = 5;

/** Name of the recorded share of bad events over a window. */
export const errorRatio = (window: Window): string => `slo:sli_error:ratio_rate${window}`;

/** Name of the recorded share of the 30 days' error budget that is left. */
export const BUDGET_LEFT = "slo:error_budget_left:ratio";

/**
 * The rules of one objective: the share of bad events over each window, what is left of the error budget, and alerts that
 * fire when it burns too fast. Without events there are no samples, and no alert.
 *
 * @param runbookUrl what to do about its alerts
 */
export const sloRules = (slo: Slo, runbookUrl: string): readonly RuleGroup[] => {
  const labels = { slo: slo.name };
  const budget = round(1 - slo.objective);
  const recorded = (window: Window): string => `${errorRatio(window)}{slo="${slo.name}"}`;
  const bad = (window: Window): string => `(${slo.bad(window)} or 0 * ${slo.total(window)})`;

  const recordings: readonly Rule[] = [
    ...(Object.keys(WINDOWS) as Window[]).map((window) => ({
      record: errorRatio(window),
      expr: `${bad(window)} / (${slo.total(window)} > 0)`,
      labels,
    })),
    { record: BUDGET_LEFT, expr: `1 - ${recorded("30d")} / ${budget}`, labels },
  ];

  const condition = ({ long, short, rate }: BurnRate["pairs"][number]): string => {
    const limit = round(rate * budget);
    const enough = `${slo.bad(long)} * ${WINDOWS[long] * 3600} >= ${MINIMUM_BAD_EVENTS}`;
    return `(${recorded(long)} > ${limit} and ${recorded(short)} > ${limit} and on () (${enough}))`;
  };
  const alerts = BURN_RATES.map(({ severity, pairs }) => ({
    alert: slo.alert,
    expr: pairs.map(condition).join(" or "),
    labels: { ...labels, severity },
    annotations: {
      summary: `Too many ${slo.badEvents}: the error budget of 30 days burns ${pairs.map(({ rate }) => rate).join(" or ")} times too fast.`,
      runbook_url: runbookUrl,
    },
  }));
  return [
    { name: `slo-${slo.name}-recordings`, rules: recordings },
    { name: `slo-${slo.name}-alerts`, rules: alerts },
  ];
};

/** Without the noise of binary fractions: 0.005 and not 0.0050000000000000044. */
const round = (value: number): number => Number(value.toPrecision(6));
