import { UserError } from "../user-error.ts";
import { findDeployed } from "./deployed.ts";
import type { Selection } from "./selection.ts";

/**
 * Argo CD puts back what it deployed, also while this program takes its place: so it must be gone before.
 *
 * @throws UserError when it deploys the service of a platform that is to run without it
 */
export const requireNoLeftArgoCd = async (selection: Selection): Promise<void> => {
  if (selection.argoCd) return;
  const stack = await findDeployed(selection);
  if (stack?.application) {
    throw new UserError(
      `gitops.enabled of stack ${selection.stack} is false now, but Argo CD deploys the service of the platform that runs; run \`make down\`, then \`make up\`.`,
    );
  }
};
