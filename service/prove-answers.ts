import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import type { Ask } from "../model/golden.ts";
import { ModelError } from "../model/model-error.ts";
import { predictAnswerSchema } from "./answer-schemas.ts";

/** Header of the requests by which a service that is not ready yet proves itself. */
export const PROOF_HEADER = "x-proof";

const TIMEOUT_MS = 10_000;

const LOOPBACK: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** Where a service is. */
export type Address = { readonly host: string; readonly port: number };

/**
 * Asks a service about a picture through its own port: server, routes, worker and model, all that answers a client.
 * Not with `fetch`, whose client costs memory that this process needs for this only.
 *
 * @param proof value of {@link PROOF_HEADER}
 */
export const askOverHttp =
  ({ host, port }: Address, proof: string): Ask =>
  async (picture) => {
    const asked = request({
      host: LOOPBACK[host] ?? host,
      port,
      method: "POST",
      path: "/predict",
      agent: false,
      headers: {
        "content-type": "application/octet-stream",
        "content-length": picture.length,
        [PROOF_HEADER]: proof,
      },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    asked.end(picture);
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    const body = await text(response);
    if (response.statusCode === 200) return predictAnswerSchema.parse(JSON.parse(body));
    throw new ModelError(
      "wrong-answer",
      `a golden picture got HTTP ${response.statusCode} ${body.slice(0, 300)}; train again, or mend what answers.`,
    );
  };
