import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, it } from "vitest";
import { publishModel } from "../../model/store.ts";
import { hashKey } from "../../service/access/api-keys.ts";
import { createLocalDirectory } from "../../service/storage/local-directory.ts";
import { createPathSigner } from "../../service/storage/signed-path.ts";
import { useModelStore } from "../fixtures/model-store.ts";
import { colourImage, stubModel } from "../fixtures/models.ts";
import { writeSegmenter } from "../fixtures/segmenter-model.ts";
import type { ServiceProcess } from "../fixtures/service-process.ts";

const PHOTO_BYTES = 4 * 3 * 224 * 224;
const MODEL = "/v2/models/{name}";
const VERSION = "/v2/models/{name}/versions/{version}";
const store = useModelStore();

type Content = Readonly<Record<string, unknown>>;
type Document = {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { responses: Record<string, { content?: Content }> }>>>
  >;
};

/** A request, and the status that it should get. */
type Method = "get" | "post" | "delete";
type Question = readonly [status: number, method: Method, path: string, init?: RequestInit];

const image = (body: Uint8Array, type = "image/jpeg") => ({
  body: new Uint8Array(body),
  headers: { "content-type": type },
});
const tensor = (body: string | Uint8Array<ArrayBuffer>, length?: number) => ({
  body,
  headers: length === undefined ? {} : { "inference-header-content-length": String(length) },
});
const formOf = (field: string, ...files: readonly Uint8Array[]): FormData => {
  const form = new FormData();
  for (const file of files) form.append(field, new Blob([new Uint8Array(file)]), "photo.jpg");
  return form;
};
const floats = (values: number) => new Uint8Array(4 * values);

/** Asks a service, and holds what it answers against its own document. */
const createAsk = async (service: ServiceProcess, names: Record<string, string>) => {
  const response = await fetch(`${service.url}/openapi.json`);
  const document = (await response.json()) as Document;
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  ajv.addSchema({ $id: "document", ...document });
  const asked = new Set<string>();
  const pointer = (...steps: string[]) =>
    steps.map((step) => `/${encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1"))}`);
  const ask = async ([status, method, path, init]: Question): Promise<string> => {
    const named = path.replaceAll(/\{(\w+)\}/g, (_, name) => names[name] ?? "stranger");
    const query = path.startsWith("/outputs/") ? (names["query"] ?? "") : "";
    const url = service.url + named + query;
    const answer = await fetch(url, { ...init, method });
    const body = await answer.text();
    const what = `${method} ${path} ${answer.status} ${body.slice(0, 200)}`;
    expect(answer.status, what).toBe(status);
    const [route = ""] = path.split("?");
    const declared = document.paths[route]?.[method]?.responses[status];
    expect(declared, `the document lacks ${what}`).toBeDefined();
    asked.add(`${method} ${route}`);
    if (!declared?.content) {
      expect(body, what).toBe("");
      return body;
    }
    const [type = ""] = (answer.headers.get("content-type") ?? "").split(";");
    expect(Object.keys(declared.content), what).toContain(type);
    if (!type.endsWith("json")) return body;
    const at = pointer("paths", route, method, "responses", String(status), "content", type);
    const validate = ajv.getSchema(`document#${at.join("")}/schema`);
    await validate?.(JSON.parse(body));
    expect(validate?.errors, what).toBeNull();
    return body;
  };
  const all = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method} ${path}`),
  );
  return { ask, asked, all };
};

it("answers on every route what its OpenAPI document says", async () => {
  const model = await stubModel();
  const outputs = join(store.directory, "outputs");
  const secret = "a secret that is long enough for it";
  const service = await store.start({
    env: {
      ...(await writeSegmenter(store.directory)),
      ...{ STORAGE_DIR: outputs, STORAGE_SIGNING_KEY: secret },
    },
  });
  const names: Record<string, string> = {
    name: model.metadata.name,
    version: model.metadata.version,
    script: "main.js",
  };
  const { ask, asked, all } = await createAsk(service, names);
  const red = await colourImage("red");
  const early: Question[] = [
    [503, "get", "/health"],
    [503, "get", "/readyz"],
    [503, "post", "/predict", image(red)],
    [503, "post", "/process", image(red)],
    [503, "post", "/batch", { body: formOf("files", red) }],
    [503, "get", "/v2/health/ready"],
    [503, "get", MODEL],
    [503, "get", `${MODEL}/ready`],
    [503, "post", `${MODEL}/infer`, tensor(floats(1), 0)],
  ];
  for (const question of early) await ask(question);

  await store.publish(model);
  await service.serving();
  const data = new Array(PHOTO_BYTES / 4).fill(0.5);
  const input = { name: "input", datatype: "FP32", shape: [1, 3, 224, 224] };
  const request = JSON.stringify({ id: "1", inputs: [{ ...input, data }] });
  const photo = floats(PHOTO_BYTES / 4);
  const later: Question[] = [
    ...[
      "/",
      "/health",
      "/livez",
      "/readyz",
      "/metrics",
      "/status",
      "/openapi.json",
      "/docs",
      "/page/{script}",
    ].map((path) => [200, "get", path] as const),
    ...["/v2", "/v2/health/live", "/v2/health/ready"].map((path) => [200, "get", path] as const),
    [200, "post", "/predict", image(red)],
    [200, "post", "/predict", { body: formOf("image", red) }],
    [403, "post", "/v2/repository/index", {}],
    [403, "post", "/v2/repository/models/{name}/load", {}],
    [403, "post", "/v2/repository/models/{name}/unload", {}],
    [400, "post", "/predict", image(new Uint8Array())],
    [413, "post", "/predict", image(floats(3_000_000))],
    [415, "post", "/predict", image(red, "text/plain")],
    [422, "post", "/predict", image(red.subarray(0, 300))],
    [200, "post", "/process", image(red)],
    [200, "post", "/process?steps=qa", image(red)],
    [400, "post", "/process?background=blue", image(red)],
    [413, "post", "/process", image(floats(3_000_000))],
    [415, "post", "/process", image(red, "text/plain")],
    [422, "post", "/process", image(red.subarray(0, 300))],
  ];
  for (const path of [MODEL, VERSION]) {
    later.push(
      [200, "get", path],
      [200, "get", `${path}/ready`],
      [200, "post", `${path}/infer`, tensor(request)],
      [200, "post", `${path}/infer`, tensor(photo, 0)],
      [400, "post", `${path}/infer`, tensor("{}")],
      [413, "post", `${path}/infer`, tensor(floats(3_000_000), 0)],
    );
  }
  for (const question of later) await ask(question);

  const taken: Question = [202, "post", "/batch", { body: formOf("files", red, floats(1)) }];
  names["id"] = (JSON.parse(await ask(taken)) as { job_id: string }).job_id;
  await ask([400, "post", "/batch", { body: formOf("image", red) }]);
  await ask([413, "post", "/batch", { body: formOf("files", floats(3_000_000)) }]);
  await ask([415, "post", "/batch", image(red)]);
  // The events end with the job: behind them it has results.
  for (const path of ["/jobs/{id}/events", "/jobs/{id}"]) await ask([200, "get", path]);
  await ask([204, "delete", "/jobs/{id}"]);
  for (const path of ["/jobs/{id}/events", "/jobs/{id}"]) await ask([404, "get", path]);
  await ask([404, "delete", "/jobs/{id}"]);

  const signer = createPathSigner({ secret, validSeconds: 60 });
  const storage = createLocalDirectory({ directory: outputs, retentionSeconds: 60, signer });
  await storage.put("red.png", red, "image/png");
  names["key"] = "red.png";
  await ask([403, "get", "/outputs/{key}"]);
  names["query"] = new URL(await storage.signedUrl("red.png"), service.url).search;
  await ask([200, "get", "/outputs/{key}"]);
  const cut: Question = [200, "post", "/process?steps=segment,export", image(red)];
  const { output_url } = JSON.parse(await ask(cut)) as { output_url: string };
  const kept = await fetch(new URL(output_url, service.url));
  expect(Buffer.from(await kept.arrayBuffer()).toString("latin1", 1, 4)).toBe("PNG");
  expect([...asked].sort(), "every route was asked").toEqual(all.sort());
});

it("answers administrators, and explains itself, as the document says", async () => {
  const model = await stubModel();
  await store.publish(model);
  const other = await stubModel(3);
  const metadata = { ...other.metadata, name: "colours" };
  const files = { ...other.files, "model.json": JSON.stringify(metadata) };
  await publishModel(store.directory, files, other.digest, "colours");
  const path = join(store.directory, "keys.json");
  const key = { name: "ops", scope: "admin", sha256: hashKey("secret") };
  await writeFile(path, JSON.stringify({ keys: [key] }));
  const service = await store.start({ env: { API_KEYS_FILE: path } });
  await service.serving();
  const { ask } = await createAsk(service, { name: "colours" });
  const admin = { authorization: "Bearer secret" };
  const load = "/v2/repository/models/{name}/load";
  const unload = "/v2/repository/models/{name}/unload";
  const body = (value: unknown) => ({ headers: admin, body: JSON.stringify(value) });
  const questions: Question[] = [
    [401, "post", "/v2/repository/index", {}],
    [200, "post", "/v2/repository/index", { headers: admin }],
    [404, "get", MODEL, { headers: admin }],
    [200, "post", load, { headers: admin }],
    [200, "post", "/v2/repository/index", body({ ready: true })],
    [200, "get", MODEL, { headers: admin }],
    [400, "post", load, body({ parameters: { config: "{}" } })],
    [404, "post", load, body({ parameters: { version: "0" } })],
    [200, "post", unload, body({ parameters: { unload_dependents: true } })],
    [404, "post", unload, { headers: admin }],
  ];
  for (const question of questions) await ask(question);
  const red = image(await colourImage("red"));
  await ask([200, "post", "/predict", { ...red, headers: { ...red.headers, ...admin } }]);
  await ask([200, "post", "/predict?explain=1", { ...red, headers: { ...red.headers, ...admin } }]);
  await ask([400, "post", "/predict?explain=2", { ...red, headers: { ...red.headers, ...admin } }]);
});
