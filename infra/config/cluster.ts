import { z } from "zod";
import { label, path, text, wholeNumber } from "./fields.ts";

/** The Kubernetes cluster that everything runs on: one of three kinds. */
export const clusterSchema = z.discriminatedUnion(
  "kind",
  [
    /** Started by `minikube start` on the user's machine. */
    z.strictObject({
      kind: z.literal("minikube"),
      profile: label.default("cats-dogs"),
      cpus: wholeNumber(2, 64).default(2),
      memory: text(/^\d+[mg]$/, "a size such as 4g or 4096m").default("4g"),
    }),
    /** One node, built from upstream's source and started by this project. */
    z.strictObject({ kind: z.literal("embedded") }),
    /** Any cluster that a kubeconfig names; nothing of it is started or stopped. */
    z.strictObject({
      kind: z.literal("existing"),
      kubeconfig: path,
      context: text(/\S/, "the name of a context of that kubeconfig"),
      /** Where the project's images are pushed so that the cluster can pull them. */
      registry: text(
        /^[\w.-]+(:\d+)?(\/[\w.-]+)*$/,
        "a registry such as registry.example.org/team",
      ),
    }),
  ],
  "kind minikube, embedded or existing",
);
