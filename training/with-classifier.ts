import { type Classifier, createClassifier } from "../model/classifier.ts";
import type { ModelMetadata } from "../model/metadata.ts";

/** Opens a model for as long as it is used. @param threads for ONNX Runtime */
export const withClassifier = async <T>(
  model: { readonly metadata: ModelMetadata; readonly onnx: Uint8Array },
  threads: number,
  use: (classifier: Classifier) => Promise<T>,
): Promise<T> => {
  const classifier = await createClassifier(model, threads);
  try {
    return await use(classifier);
  } finally {
    await classifier.release();
  }
};
