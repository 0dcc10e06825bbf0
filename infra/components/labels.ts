/** Labels that pick the pods of one part of the platform, by its name. */
export const selectorOf = (name: string): Record<string, string> => ({
  "app.kubernetes.io/name": name,
});

/** The recommended labels of every object of one part of the platform. */
export const labelsOf = (name: string): Record<string, string> => ({
  ...selectorOf(name),
  "app.kubernetes.io/part-of": "image-classification-platform",
  "app.kubernetes.io/managed-by": "pulumi",
});
