/** Headers of the service's own pages. */
export const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  // Nothing of a page comes from elsewhere, and nothing of it runs.
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
};
