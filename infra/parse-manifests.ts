import { parseAllDocuments } from "yaml";

/** The objects of a YAML text of several documents, as `kubectl apply` takes it. @throws the parser's error */
export const parseManifests = <T>(text: string): readonly T[] =>
  parseAllDocuments(text).map((document) => document.toJS() as T);
