import { Hono } from "hono";
import type { ServiceEnv } from "../observe.ts";
import { ProblemError } from "../problem.ts";
import type { OpenedStorage } from "../storage/open-storage.ts";
import { typeOfKey } from "../storage/storage.ts";

const notKept = (): ProblemError =>
  new ProblemError("not-found", "Nothing is kept under this name, or not any more.");

/** `GET /outputs/:key`: what was kept in a directory of this machine, for those who have a signed link that has not expired. */
export const outputsRoute = (opened: OpenedStorage | undefined): Hono<ServiceEnv> => {
  const app = new Hono<ServiceEnv>();
  app.get("/outputs/:key", async (c) => {
    const { key } = c.req.param();
    if (!opened?.signer || !typeOfKey(key)) throw notKept();
    // Before a look at the disk: who has no link does not learn what is there.
    if (!opened.signer.verify(key, c.req.query("expires"), c.req.query("signature"))) {
      throw new ProblemError(
        "bad-signature",
        "The link has expired or is not one of ours; ask for the output again.",
      );
    }
    const kept = await opened.storage.get(key);
    if (!kept) throw notKept();
    return c.body(kept.bytes, 200, {
      "content-type": kept.contentType,
      "cache-control": "private, no-store",
      "x-content-type-options": "nosniff",
    });
  });
  return app;
};
