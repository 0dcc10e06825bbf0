/** The settings that say who deploys the service. */
type OwnerSettings = {
  readonly cluster: { readonly kind: string };
  readonly gitops: {
    readonly enabled?: boolean | undefined;
    readonly repository?: string | undefined;
  };
};

/**
 * Whether Argo CD deploys the service: unless a stack says otherwise, where there is a repository that it can watch. The
 * embedded cluster brings one of its own.
 */
export const deployedByArgoCd = ({ cluster, gitops }: OwnerSettings): boolean =>
  gitops.enabled ?? (cluster.kind === "embedded" || gitops.repository !== undefined);
