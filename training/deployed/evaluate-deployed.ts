import { type Evaluation, evaluate, type Judgement } from "../evaluate.ts";
import type { Skipped } from "../inspect.ts";
import { createProgress } from "../progress.ts";
import type { Photo } from "../sources/source.ts";
import { UserError } from "../user-error.ts";
import { type Answer, askService, RefusedPictureError } from "./ask-service.ts";
import { formatCsv } from "./csv.ts";
import type { LabelledSet } from "./labelled-set.ts";

/** A picture, what is true and what the service answered. */
type DeployedAnswer = Answer & { readonly file: string; readonly truth: string };

/** A picture that decodes and was refused all the same, what is true and the reason that the service gave. */
type Refused = Skipped & { readonly truth: string };

/** A deployed model's figures on labelled pictures. */
export type DeployedEvaluation = {
  readonly evaluation: Evaluation;
  readonly answers: readonly DeployedAnswer[];
  /** Milliseconds. */
  readonly latency: { readonly p50: number; readonly p99: number };
  /** Digests of the models that answered: more than one when the model changed meanwhile. */
  readonly digests: readonly string[];
  /** Files that the service refused as no usable picture, which were left out. */
  readonly skipped: readonly Skipped[];
  /** Refusals that count as wrong answers. */
  readonly refused: readonly Refused[];
};

/** Nearest-rank quantile: the least value that at least this share of all values do not exceed. */
const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)] ??
  Number.NaN;

const requireKnownLabels = (photos: readonly Photo[], labels: readonly string[]): void => {
  const unknown = photos.find(({ label }) => !labels.includes(label));
  if (!unknown) return;
  throw new UserError(
    `the labelled set has the class "${unknown.label}", but the deployed model knows ${labels.join(", ")}; evaluate it on its own classes.`,
  );
};

/**
 * Asks a deployed service about labelled pictures, one after the other, so that no latency is another request's. To refuse a
 * picture that is known to decode is a wrong answer; one that is not is left out.
 *
 * @param base where the service answers, ending with a slash
 * @param key what the service asks for, if it does
 * @throws UserError when the service cannot be reached or fails, or when no picture is usable
 */
export const evaluateDeployed = async (
  base: URL,
  { photos, decodable }: Pick<LabelledSet, "photos" | "decodable">,
  key?: string,
): Promise<DeployedEvaluation> => {
  const answers: DeployedAnswer[] = [];
  const skipped: Skipped[] = [];
  const refused: Refused[] = [];
  const progress = createProgress("asking the service", photos.length);
  for (const [index, { id, label, read }] of photos.entries()) {
    try {
      const answer = await askService(base, { id, bytes: await read() }, { key });
      if (answers.length === 0) requireKnownLabels(photos, Object.keys(answer.probabilities));
      answers.push({ ...answer, file: id, truth: label });
    } catch (error) {
      if (!(error instanceof RefusedPictureError)) throw error;
      const reason = error.message;
      if (decodable) refused.push({ id, truth: label, reason });
      else skipped.push({ id, reason });
    }
    progress.update(index + 1);
  }
  progress.finish();
  const [first] = answers;
  if (!first) throw new UserError(`the service can use none of the ${photos.length} pictures.`);
  const labels = Object.keys(first.probabilities);
  const judgements: readonly Judgement[] = [
    ...answers.map(({ file, truth, probabilities }) => ({
      id: file,
      target: labels.indexOf(truth),
      probabilities: labels.map((label) => probabilities[label] ?? 0),
    })),
    ...refused.map(({ id, truth }) => ({ id, target: labels.indexOf(truth), probabilities: [] })),
  ];
  const latencies = answers.map(({ latency }) => latency);
  return {
    evaluation: evaluate(judgements, labels),
    answers,
    latency: { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) },
    digests: [...new Set(answers.map(({ digest }) => digest))],
    skipped,
    refused,
  };
};

/** What a refused picture has instead of an answer. */
const NO_ANSWER = { label: "", probability: "", latency_ms: "", model_digest: "" };

/**
 * A line for each answer: file, truth, label, its probability, latency in milliseconds, digest of the model. Behind them the
 * refusals that count, with file and truth only.
 */
export const answersCsv = ({
  answers,
  refused,
}: Pick<DeployedEvaluation, "answers" | "refused">): string =>
  formatCsv(
    ["file", "truth", "label", "probability", "latency_ms", "model_digest"],
    [
      ...answers.map(({ file, truth, label, probability, latency, digest }) => ({
        ...{ file, truth, label, probability },
        latency_ms: latency.toFixed(1),
        model_digest: digest,
      })),
      ...refused.map(({ id, truth }) => ({ file: id, truth, ...NO_ANSWER })),
    ],
  );
