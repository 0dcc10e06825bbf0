import { describe, expect, it } from "vitest";
import { EMBEDDING_SIZE } from "../backbone/efficientnet-lite0.ts";
import { createRandom } from "../random.ts";
import { chooseFit, type FitData, fitHead } from "./fit.ts";
import { predict, zeroHead } from "./head.ts";
import {
  createDesign,
  crossEntropy,
  type Labelled,
  largestCurvature,
  meanOf,
} from "./objective.ts";

/** Noise with one informative number for each class. */
const clusters = (seed: number, count: number, classes: number): Labelled => {
  const random = createRandom("clusters", seed);
  const targets = Array.from({ length: count }, (_, i) => i % classes);
  const embeddings = targets.map((target) =>
    Float32Array.from(
      { length: EMBEDDING_SIZE },
      (_, i) => random.between(-0.05, 0.05) + (i === target ? 1 : 0.2),
    ),
  );
  return { embeddings, targets };
};
const dataOf = (classes: number): FitData => ({
  train: clusters(1, 60, classes),
  val: clusters(2, 30, classes),
  prior: zeroHead(classes),
});

describe("crossEntropy", () => {
  const labelled = clusters(3, 12, 3);
  const design = createDesign(labelled, meanOf(labelled.embeddings));
  const random = createRandom("parameters");
  const parameters = Float64Array.from({ length: 3 * design.width }, () => random.between(-1, 1));

  it("is ln of the number of classes where nothing is known", () => {
    expect(crossEntropy(design, new Float64Array(parameters.length))).toBeCloseTo(Math.log(3), 12);
  });

  it("has the gradient that finite differences give", () => {
    const gradient = new Float64Array(parameters.length);
    crossEntropy(design, parameters, gradient);
    for (const i of [0, 1, 2, 500, 1280, 1281, 2000, parameters.length - 1]) {
      const at = (shift: number) =>
        crossEntropy(design, parameters.with(i, (parameters[i] ?? 0) + shift));
      expect(gradient[i]).toBeCloseTo((at(1e-5) - at(-1e-5)) / 2e-5, 7);
    }
  });
});

describe("largestCurvature", () => {
  it("is the known eigenvalue of a small matrix", () => {
    // XᵀX / 2 of rows (3, 0) and (0, 1) has the eigenvalues 4.5 and 0.5.
    const design = { rows: 2, width: 2, values: Float64Array.of(3, 0, 0, 1), targets: [0, 1] };
    expect(largestCurvature(design)).toBeCloseTo(4.5, 9);
  });
});

describe("fitHead", () => {
  it.each([2, 3, 7])("separates %i classes", (classes) => {
    const { head, epochs, best } = fitHead(dataOf(classes), 1e-3);
    const unseen = clusters(9, 70, classes);
    const right = unseen.embeddings.filter((embedding, i) => {
      const probabilities = predict(head, embedding);
      return probabilities.indexOf(Math.max(...probabilities)) === unseen.targets[i];
    });
    expect(right).toHaveLength(70);
    expect(epochs[best]?.valLoss).toBeLessThan((epochs[0]?.valLoss ?? 0) / 4);
    expect(epochs.every(({ gradientNorm }) => gradientNorm > 0)).toBe(true);
  });

  it("stays at its prior under a strong pull, and leaves it under a weak one", () => {
    const data = dataOf(2);
    const prior = zeroHead(2);
    prior.weights[0] = -1;
    prior.bias[1] = 0.5;
    const distance = (pull: number): number => {
      const { head } = fitHead({ ...data, prior }, pull);
      return Math.hypot(...head.weights.map((value, i) => value - (prior.weights[i] ?? 0)));
    };
    expect(distance(1e4)).toBeLessThan(1e-3);
    expect(distance(1e-3)).toBeGreaterThan(1);
  });

  it("reaches the minimum: the gradient vanishes", () => {
    const { epochs } = fitHead(dataOf(2), 1);
    expect(epochs.at(-1)?.gradientNorm).toBeLessThan((epochs[0]?.gradientNorm ?? 0) * 1e-3);
  });

  it("gives the same numbers twice", () => {
    expect(fitHead(dataOf(3), 0.01)).toEqual(fitHead(dataOf(3), 0.01));
  });
});

describe("chooseFit", () => {
  it("keeps the pull with the least validation loss", () => {
    let fits = 0;
    const data = dataOf(2);
    const fit = chooseFit(data, [0.001, 1000], (done) => {
      fits = done;
    });
    expect(fits).toBe(2);
    expect(fit.pull).toBe(0.001);
    // Training labels that lie make the strong pull to the true prior the better one.
    const lying = {
      ...data,
      train: { ...data.train, targets: data.train.targets.map((t) => 1 - t) },
      prior: fit.head,
    };
    expect(chooseFit(lying, [0.001, 1000], () => undefined).pull).toBe(1000);
  });
});
