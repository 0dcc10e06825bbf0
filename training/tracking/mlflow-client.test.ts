import { describe, expect, it } from "vitest";
import { serveDuringTest } from "../testing/http-server.ts";
import { createMlflowClient, TrackingError } from "./mlflow-client.ts";

/** A server that gives these statuses first and then 200; the client of it, and what it was asked. */
const server = async (first: readonly number[], patience = 60_000) => {
  const asked: string[] = [];
  const base = await serveDuringTest((request, response) => {
    const status = first[asked.length] ?? 200;
    asked.push(`${request.method} ${request.url}`);
    const error = { error_code: "SOME_CODE", message: "because\nof this" };
    response.writeHead(status).end(JSON.stringify(status === 200 ? { fine: true } : error));
  });
  return { client: createMlflowClient(base.href, { patience }), asked };
};

describe("createMlflowClient", () => {
  it("asks below the server's address, whether it ends with a slash or has a path", async () => {
    const { client, asked } = await server([]);
    const deeper = createMlflowClient(`${client.url}mlflow`, { patience: 0 });
    await client.get("runs/get", { run_id: "a b" });
    await deeper.post("runs/create", {});
    await client.upload("1/run/artifacts/a b.png", Buffer.from("x"));
    expect(asked).toEqual([
      "GET /api/2.0/mlflow/runs/get?run_id=a+b",
      "POST /mlflow/api/2.0/mlflow/runs/create",
      "PUT /api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/a%20b.png",
    ]);
  });

  it("asks again when the server is busy or fails", async () => {
    const { client, asked } = await server([503, 429, 500]);
    await expect(client.get("runs/get", {})).resolves.toEqual({ fine: true });
    expect(asked).toHaveLength(4);
  });

  it("asks once when the server refuses, and says why in one line", async () => {
    const { client, asked } = await server([400]);
    const refusal = client.get("runs/get", {});
    await expect(refusal).rejects.toThrow(TrackingError);
    await expect(refusal).rejects.toMatchObject({
      code: "SOME_CODE",
      message: "MLflow refuses /api/2.0/mlflow/runs/get: SOME_CODE because of this",
    });
    expect(asked).toHaveLength(1);
  });

  it("loses patience in the time that it was given", async () => {
    const { client, asked } = await server(Array(100).fill(500), 600);
    await expect(client.get("runs/get", {})).rejects.toThrow(
      /^MLflow at http:\/\/\S+ does not answer \(HTTP 500 because of this\)$/,
    );
    // The third wait alone would be longer than that.
    expect(asked.length).toBeLessThanOrEqual(3);
  });

  it.each(["mlruns", "file:///tmp/mlruns", ""])("refuses %j as an address", (address) => {
    expect(() => createMlflowClient(address, { patience: 0 })).toThrow(TrackingError);
  });
});
