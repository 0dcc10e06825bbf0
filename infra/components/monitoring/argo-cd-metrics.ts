/** Figures of Argo CD's application controller that are kept. */
export const ARGO_CD_METRICS = {
  /** 1 for each Application, with what it is as labels. */
  state: "argocd_app_info",
  /** Syncs that have ended, by Application and outcome. */
  syncs: "argocd_app_sync_total",
} as const;
