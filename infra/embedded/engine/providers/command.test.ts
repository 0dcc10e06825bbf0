import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isSecret, type PropertyMap, reveal, secret } from "../property-values.ts";
import type { ResourceState } from "../resource-state.ts";
import { createCommandProvider } from "./command.ts";
import { PartialError, type ResourceContext } from "./provider.ts";

const TYPE = "command:local:Command";
const urn = `urn:pulumi:dev::p::${TYPE}::work`;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "command-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const setUp = (signal = new AbortController().signal) => {
  const shown: string[] = [];
  const context: ResourceContext = {
    urn,
    providerInputs: {},
    timeout: undefined,
    signal,
    progress: (text) => shown.push(text),
    warn: () => undefined,
  };
  return { provider: createCommandProvider(directory), context, shown };
};

const state = (inputs: PropertyMap, outputs: PropertyMap, more = {}): ResourceState => ({
  ...{ urn, custom: true, type: TYPE, id: "work1", inputs, outputs, created: "then" },
  ...more,
});

describe("command:local:Command", () => {
  it("runs create with environment, input and folder, and shows each line", async () => {
    const { provider, context, shown } = setUp();
    const inputs = {
      create: 'cat; echo "$GREETING"; pwd; echo problem >&2',
      stdin: "from input\n",
      environment: { GREETING: "hello", NUMBER: 5 },
    };
    const { id, outputs } = await provider.create(TYPE, inputs, context);
    expect(id).toMatch(/^work[0-9a-f]{8}$/);
    expect(outputs["stdout"]).toBe(`from input\nhello\n${directory}`);
    expect(outputs["stderr"]).toBe("problem");
    expect(shown).toEqual(expect.arrayContaining(["hello", "problem"]));
  });

  it("uses another interpreter, and stays quiet when asked to", async () => {
    const { provider, context, shown } = setUp();
    const interpreter = [process.execPath, "-e"];
    const create = "process.stdout.write(String(6 * 7))";
    const { outputs } = await provider.create(
      TYPE,
      { create, interpreter, logging: "none" },
      context,
    );
    expect(outputs["stdout"]).toBe("42");
    expect(shown).toEqual([]);
  });

  it("gives update and delete the output of before", async () => {
    const { provider, context } = setUp();
    const inputs = {
      create: "echo never",
      update: 'echo "after $PULUMI_COMMAND_STDOUT $PULUMI_COMMAND_STDERR"',
      delete: 'echo "$PULUMI_COMMAND_STDOUT" > deleted',
    };
    const old = state(inputs, { stdout: "first", stderr: "noise" });
    const { outputs, id } = await provider.update(old, inputs, context);
    expect(outputs["stdout"]).toBe("after first noise");
    expect(id).toBe("work1");
    await provider.remove(old, context);
    expect(await readFile(join(directory, "deleted"), "utf8")).toBe("first\n");
  });

  it("runs create again when there is no update, or when create never succeeded", async () => {
    const { provider, context } = setUp();
    const plain = { create: "echo created" };
    expect((await provider.update(state(plain, {}), plain, context)).outputs["stdout"]).toBe(
      "created",
    );
    const both = { create: "echo created", update: "echo updated" };
    const { created: _, ...unfinished } = state(both, {}, { initErrors: ["failed"] });
    expect((await provider.update(unfinished, both, context)).outputs["stdout"]).toBe("created");
  });

  it("is replaced when a trigger changes, else updated", async () => {
    const { provider, context } = setUp();
    const old = state({}, {});
    expect(await provider.plan(old, {}, [{ path: ["triggers", 0] }], context)).toEqual({
      kind: "replace",
      beside: false,
    });
    expect(await provider.plan(old, {}, [{ path: ["environment", "A"] }], context)).toEqual({
      kind: "update",
    });
  });

  it("stays in the state when it fails, with its last lines in the message", async () => {
    const { provider, context } = setUp();
    const failing = provider.create(TYPE, { create: "echo why; exit 3" }, context);
    await expect(failing).rejects.toThrow(/exit status 3: running "echo why; exit 3":\nwhy/);
    await expect(failing).rejects.toBeInstanceOf(PartialError);
  });

  it("never shows a secret, neither as output nor in an error", async () => {
    const { provider, context, shown } = setUp();
    const inputs = {
      create: 'echo "token: $TOKEN"; exit 1',
      environment: { TOKEN: secret("s3cr3t") },
    };
    const failing = provider.create(TYPE, inputs, context);
    await expect(failing).rejects.toThrow(/token: \[secret\]/);
    await expect(failing).rejects.not.toThrow(/s3cr3t/);
    expect(shown).toEqual(["token: [secret]"]);
    const whole = provider.create(TYPE, { create: secret("echo s3cr3t; exit 1") }, context);
    await expect(whole).rejects.not.toThrow(/s3cr3t/);
  });

  it("makes its output secret when an input is", async () => {
    const { provider, context } = setUp();
    const inputs = { create: "echo $TOKEN", environment: { TOKEN: secret("s3cr3t") } };
    const { outputs } = await provider.create(TYPE, inputs, context);
    expect(isSecret(outputs["stdout"])).toBe(true);
    expect(reveal(outputs["stdout"] ?? null)).toBe("s3cr3t");
  });

  it("is interrupted with everything it started when the user gives up", async () => {
    const controller = new AbortController();
    const { provider, context } = setUp(controller.signal);
    const started: ResourceContext = { ...context, progress: () => controller.abort() };
    const failing = provider.create(TYPE, { create: "sleep 600 & echo go; wait" }, started);
    await expect(failing).rejects.toThrow(/signal SIGTERM/);
  });

  it("refuses inputs that it does not carry", () => {
    const { provider, context } = setUp();
    expect(() => provider.check(TYPE, { create: "x", assetPaths: ["*"] }, context)).toThrow(
      /"work" sets assetPaths/,
    );
  });
});
