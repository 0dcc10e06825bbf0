import { z } from "zod";
import { text, truthValue, wholeNumber } from "./fields.ts";

/** Deployment from Git. */
export const gitopsSchema = z
  .strictObject(
    {
      /**
       * Argo CD deploys the service and its smoke test from Git; otherwise this program does. Unless it is set, Argo CD does
       * where there is a repository.
       */
      enabled: truthValue.optional(),
      /** The repository that Argo CD watches. The embedded cluster brings one of its own. */
      repository: text(/^(https|ssh|git):\/\/\S+$/, "the URL of a Git repository").optional(),
      revision: text(/^[\w./-]+$/, "a branch").default("main"),
      /** Seconds until a roll-out without progress has failed: only then can Argo CD take up the next commit. */
      progressDeadline: wholeNumber(20, 900).default(45),
    },
    "enabled, repository, revision, progressDeadline",
  )
  .prefault({});
