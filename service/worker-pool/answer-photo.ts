import { createExplainer, type Explainer } from "../../model/activation-map.ts";
import { type ModelReference, readCheckedModelFile } from "../../model/model-files.ts";
import { project } from "../../model/projection.ts";
import { free } from "./free.ts";
import type { LoadedModel } from "./loaded-models.ts";
import type { Extras, Results } from "./messages.ts";

/** Opens what explains a model's predictions. @throws ModelError when the model cannot explain itself */
const openExplainer = async (reference: ModelReference): Promise<Explainer> => {
  const stored = await readCheckedModelFile(reference);
  const explainer = await createExplainer(stored, 1);
  free(stored.onnx);
  return explainer;
};

/** The prediction with what is asked beside it, both from one run. @throws ModelError when the model cannot explain itself */
const explain = async (
  model: LoadedModel,
  pixels: Uint8Array,
  extras: Extras,
): Promise<Results["predict"]> => {
  model.explainer ??= openExplainer(model.reference);
  const explainer = await model.explainer.catch((error: unknown) => {
    delete model.explainer;
    throw error;
  });
  const [explanation] = await explainer.explain([pixels]);
  if (!explanation) throw new Error("the model gave no explanation");
  const { prediction, map, embedding } = explanation;
  return {
    prediction,
    ...(extras.map && { map }),
    ...(extras.projections && { projections: project(embedding) }),
  };
};

const classify = async (
  { classifier }: LoadedModel,
  pixels: Uint8Array,
): Promise<Results["predict"]> => {
  const [prediction] = await classifier.classify([pixels]);
  if (!prediction) throw new Error("the model gave no prediction");
  return { prediction };
};

/** A decoded photo's answer. What only watches the model is no reason to answer nothing. */
export const answerPhoto = (
  model: LoadedModel,
  pixels: Uint8Array,
  extras: Extras | undefined,
): Promise<Results["predict"]> => {
  if (!extras) return classify(model, pixels);
  const explained = explain(model, pixels, extras);
  return extras.map ? explained : explained.catch(() => classify(model, pixels));
};
