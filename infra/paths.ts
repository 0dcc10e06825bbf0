import { homedir } from "node:os";
import { join } from "node:path";

/*
 * Everything that the project keeps outside the checkout lies in two directories (XDG base directories): `cacheDirectory`
 * can be deleted at any time and costs a rebuild; `stateDirectory` is the running cluster and the Pulumi state.
 */
const APPLICATION = "image-classification-platform";

/** The checkout. */
export const repositoryDirectory = join(import.meta.dirname, "..");

/** Built binaries, images of the local registry, downloaded weights: rebuilt when absent. */
export const cacheDirectory = join(
  process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"),
  APPLICATION,
);

/** The cluster's data, its logs and the Pulumi state: deleting it forgets what runs. */
export const stateDirectory = join(
  process.env["XDG_STATE_HOME"] || join(homedir(), ".local", "state"),
  APPLICATION,
);

/** Where the binaries of the pinned tools are linked by their plain names. */
export const binaryDirectory = join(cacheDirectory, "bin");

/** The kubeconfig of a Minikube profile: one of our own, so that the user's stays as it is. */
export const minikubeKubeconfig = (profile: string): string =>
  join(stateDirectory, "minikube", `${profile}.kubeconfig`);
