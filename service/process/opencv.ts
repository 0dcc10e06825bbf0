import { createRequire } from "node:module";
import type cvModule from "@techstark/opencv-js";

/** OpenCV compiled to WebAssembly. */
export type OpenCv = typeof cvModule;
type Deletable = { delete(): void };

let loading: Promise<{ readonly cv: OpenCv }> | undefined;

const load = async (): Promise<{ readonly cv: OpenCv }> => {
  // Not import(): loaders that look through a module's exports, as test runners do, never come to the end of these.
  const cv: OpenCv = createRequire(import.meta.url)("@techstark/opencv-js");
  if (!cv.Mat) {
    await new Promise<void>((resolve) => {
      cv.onRuntimeInitialized = resolve;
    });
  }
  // In an object, because the module itself has had a `then` in some releases, which would be awaited for ever.
  return { cv };
};

/** OpenCV, loaded once for each thread and only when somebody asks: a third of a second and 90 MB. */
export const loadOpenCv = (): Promise<{ readonly cv: OpenCv }> => {
  loading ??= load();
  return loading;
};

/** Runs work on OpenCV's objects and frees what it kept, which no garbage collector does. */
export const withMats = <T>(work: (keep: <M extends Deletable>(mat: M) => M) => T): T => {
  const kept: Deletable[] = [];
  try {
    return work((mat) => {
      kept.push(mat);
      return mat;
    });
  } finally {
    for (const mat of kept) mat.delete();
  }
};
