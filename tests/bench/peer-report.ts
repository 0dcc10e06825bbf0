import type { Slice } from "./contenders.ts";
import { pairedRatios, type Row } from "./report.ts";
import { quantile, spreadOf } from "./statistics.ts";

/** Who takes part, by its name in tables. Those of int8 need a model that has such a file. */
export const CONTENDERS = {
  service: "service",
  serviceInt8: "service",
  fastapi: "FastAPI, 2 workers",
  fastapiInt8: "FastAPI, 2 workers",
  fastapiWhole: "FastAPI, 2 workers, no draft()",
  bentoml: "BentoML",
  bentomlTwo: "BentoML, 2 workers",
  mlserver: "MLServer",
} as const;
export type ContenderName = keyof typeof CONTENDERS;

/** A kind of slice, in which some take turns. */
type Turn = {
  readonly clients: number;
  readonly requests: number;
  /** Photos of 12 megapixels. @default the usual ones */
  readonly large?: true;
  readonly contenders: readonly ContenderName[];
};

const OURS: readonly ContenderName[] = ["service", "serviceInt8"];
const IN_INT8: readonly ContenderName[] = ["serviceInt8", "fastapiInt8"];
const MANY: readonly ContenderName[] = ["service", "bentoml", "bentomlTwo", "mlserver", ...IN_INT8];
const LARGE: readonly ContenderName[] = ["service", "fastapi", "fastapiWhole"];

export const TURNS = {
  c1: { clients: 1, requests: 250, contenders: ["service", "fastapi", ...IN_INT8] },
  c8: { clients: 8, requests: 400, contenders: MANY },
  c32: { clients: 32, requests: 400, contenders: MANY },
  large1: { clients: 1, requests: 64, large: true, contenders: LARGE },
  large8: { clients: 8, requests: 64, large: true, contenders: LARGE },
} as const satisfies Readonly<Record<string, Turn>>;
export type TurnName = keyof typeof TURNS;

/** Slices of each kind, by contender. */
export type PeerSlices = Readonly<
  Record<TurnName, Readonly<Partial<Record<ContenderName, readonly Slice[]>>>>
>;

/** One start of everything. */
export type PeerRepetition = {
  readonly slices: PeerSlices;
  /** Resident bytes behind all slices. */
  readonly memory: Readonly<Partial<Record<ContenderName, number>>>;
  /** Cores that other programs used meanwhile. */
  readonly foreignCores: number;
};

type Measure = {
  readonly unit: string;
  readonly value: (slice: Slice) => number;
  /** Whether less is better: then theirs is divided by ours. */
  readonly inverse?: true;
};

const RATE: Measure = { unit: "img/s", value: ({ rate }) => rate };
const P50: Measure = { unit: "p50", value: ({ took }) => quantile(took, 0.5) };
const P99: Measure = { unit: "p99", value: ({ took }) => quantile(took, 0.99) };
/** How many times as fast a request is answered. */
const FASTER: Measure = { ...P50, unit: "times as fast", inverse: true };

type Comparison = {
  readonly turn: TurnName;
  readonly ours: ContenderName;
  readonly theirs: ContenderName;
  readonly measure: Measure;
  readonly reach?: string;
};

const of32 = { ours: "service" } as const;
const of8 = { ours: "serviceInt8", theirs: "fastapiInt8" } as const;
const against = (theirs: ContenderName, reach = "-"): Comparison[] => [
  { ...of32, theirs, turn: "c8", measure: RATE, reach },
  { ...of32, theirs, turn: "c32", measure: RATE, reach },
  { ...of32, theirs, turn: "c32", measure: P99 },
];

const COMPARISONS: readonly Comparison[] = [
  ...against("bentoml", ">= 1.3"),
  ...against("bentomlTwo"),
  ...against("mlserver", ">= 1.15"),
  { ...of8, turn: "c8", measure: RATE, reach: ">= 1.0, aim 1.2" },
  { ...of8, turn: "c32", measure: RATE, reach: ">= 1.0, aim 1.2" },
  { ...of8, turn: "c32", measure: P99, reach: "<= 0.6" },
  { ...of32, theirs: "fastapi", turn: "c1", measure: P50, reach: "<= 1.1" },
  { ...of8, turn: "c1", measure: P50, reach: "<= 1.1" },
  { ...of32, theirs: "fastapi", turn: "large1", measure: FASTER, reach: ">= 1.5" },
  { ...of32, theirs: "fastapi", turn: "large8", measure: RATE, reach: ">= 1.5" },
  { ...of32, theirs: "fastapiWhole", turn: "large1", measure: FASTER },
  { ...of32, theirs: "fastapiWhole", turn: "large8", measure: RATE },
];

const titleOf = ({ turn, ours, theirs, measure }: Comparison): string => {
  const { clients, ...rest } = TURNS[turn];
  const many = clients === 1 ? "1 client" : `${clients} clients`;
  const file = IN_INT8.includes(ours) ? "int8" : "fp32";
  const photos = "large" in rest ? ", 12 megapixels" : "";
  return `service / ${CONTENDERS[theirs]}, ${file}${photos}, ${measure.unit}, ${many}`;
};

/** The figures that the issue asks for, and what stands beside them; of contenders that took part. */
export const peerRows = (repetitions: readonly PeerRepetition[]): Row[] => {
  const slicesOf = (turn: TurnName, name: ContenderName): readonly Slice[] =>
    repetitions.flatMap(({ slices }) => slices[turn][name] ?? []);
  const ratios = COMPARISONS.flatMap((comparison): Row[] => {
    const { turn, measure, reach = "-" } = comparison;
    const pair = [slicesOf(turn, comparison.ours), slicesOf(turn, comparison.theirs)] as const;
    const [over, under] = measure.inverse ? [pair[1], pair[0]] : pair;
    const values = pairedRatios(over, under, measure.value);
    if (values.length === 0) return [];
    return [{ figure: titleOf(comparison), reach, spread: spreadOf(values) }];
  });
  const memory = (["bentoml", "mlserver"] as const).map((theirs) => ({
    figure: `service / ${CONTENDERS[theirs]}, resident memory`,
    reach: "-",
    spread: spreadOf(
      repetitions.map((r) => (r.memory.service ?? Number.NaN) / (r.memory[theirs] ?? Number.NaN)),
    ),
  }));
  const failed = (names: readonly ContenderName[]): number =>
    (Object.keys(TURNS) as TurnName[])
      .flatMap((turn) => names.flatMap((name) => slicesOf(turn, name)))
      .reduce((sum, slice) => sum + slice.failed, 0);
  const peers = (Object.keys(CONTENDERS) as ContenderName[]).filter((name) => !OURS.includes(name));
  return [
    ...ratios,
    ...memory,
    { figure: "refused or failed, service", reach: "0", spread: spreadOf([failed(OURS)]) },
    { figure: "refused or failed, peers", reach: "-", spread: spreadOf([failed(peers)]) },
    {
      ...{ figure: "cores used by others meanwhile", reach: "0" },
      spread: spreadOf(repetitions.map(({ foreignCores }) => foreignCores)),
    },
  ];
};
