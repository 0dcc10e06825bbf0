import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { z } from "zod";
import { EngineError } from "../engine-error.ts";
import {
  containsSecret,
  isSecret,
  type PropertyMap,
  type PropertyValue,
  revealMap,
  secret,
  secretHider,
} from "../property-values.ts";
import { nameOf } from "../urn.ts";
import { PartialError, type Provider, type ResourceContext } from "./provider.ts";

const TYPE = "command:local:Command";

const inputsSchema = z.strictObject({
  create: z.string().optional(),
  update: z.string().optional(),
  delete: z.string().optional(),
  dir: z.string().optional(),
  stdin: z.string().optional(),
  environment: z.record(z.string(), z.coerce.string()).default({}),
  interpreter: z.array(z.string()).min(1).default(["/bin/sh", "-c"]),
  triggers: z.array(z.unknown()).optional(),
  logging: z.enum(["stdout", "stderr", "stdoutAndStderr", "none"]).default("stdoutAndStderr"),
  addPreviousOutputInEnv: z.boolean().default(true),
});
type CommandInputs = z.infer<typeof inputsSchema>;
type Streams = { readonly stdout: string; readonly stderr: string };

const LAST_LINES = 30;

const parse = (inputs: PropertyMap): CommandInputs => inputsSchema.parse(revealMap(inputs));

/** Reads a stream to its end, and shows each line as it comes. */
const collect = async (stream: Readable, show: (line: string) => void): Promise<string> => {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  createInterface({ input: stream }).on("line", show);
  await finished(stream, { writable: false });
  return Buffer.concat(chunks).toString("utf8").replace(/\n$/, "");
};

const feed = (child: ChildProcess, stdin: string): void => {
  // A command that does not read its input closes it early; that is no failure of ours.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(stdin);
};

/** Secrets that a command prints must not reach the terminal: it may print, for one, its own environment. */
const hideSecrets = (inputs: PropertyMap): ((text: string) => string) => {
  // What part of a secret command line is the secret cannot be told: nothing of its output is shown.
  if (["create", "update", "delete"].some((key) => isSecret(inputs[key]))) return () => "[secret]";
  return secretHider(inputs);
};

const run = async (
  command: string,
  inputs: PropertyMap,
  previous: Streams,
  context: ResourceContext & { readonly directory: string },
): Promise<Streams> => {
  const { environment, interpreter, dir, stdin, logging, addPreviousOutputInEnv } = parse(inputs);
  const [program, ...flags] = interpreter;
  const hide = hideSecrets(inputs);
  const last: string[] = [];
  const show =
    (stream: "stdout" | "stderr") =>
    (line: string): void => {
      last.push(hide(line));
      if (last.length > LAST_LINES) last.shift();
      if (logging === stream || logging === "stdoutAndStderr") context.progress(hide(line));
    };
  const child = spawn(program ?? "/bin/sh", [...flags, command], {
    cwd: dir ?? context.directory,
    // A group of its own: Ctrl-C on the terminal reaches the command through us, once, and with its children.
    detached: true,
    env: {
      ...process.env,
      ...environment,
      ...(addPreviousOutputInEnv &&
        previous.stdout !== "" && { PULUMI_COMMAND_STDOUT: previous.stdout }),
      ...(addPreviousOutputInEnv &&
        previous.stderr !== "" && { PULUMI_COMMAND_STDERR: previous.stderr }),
    },
  });
  const interrupt = (): void => {
    // Not SIGINT: a shell's background jobs ignore that one, and would hold the output open.
    if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
  };
  context.signal.addEventListener("abort", interrupt, { once: true });
  try {
    feed(child, stdin ?? "");
    const ended = new Promise<string | undefined>((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", (code, signal) =>
        resolve(
          code === 0 ? undefined : signal === null ? `exit status ${code}` : `signal ${signal}`,
        ),
      );
    });
    const [failure, stdout, stderr] = await Promise.all([
      ended,
      collect(child.stdout, show("stdout")),
      collect(child.stderr, show("stderr")),
    ]);
    if (failure !== undefined) {
      throw new EngineError(
        `${failure}: running ${JSON.stringify(hide(command))}:\n${last.join("\n")}`,
      );
    }
    return { stdout, stderr };
  } finally {
    context.signal.removeEventListener("abort", interrupt);
  }
};

const streamsOf = (outputs: PropertyMap | undefined): Streams => {
  const { stdout, stderr } = revealMap(outputs ?? {});
  return { stdout: String(stdout ?? ""), stderr: String(stderr ?? "") };
};

/** As the real provider: every output depends on every input, so one secret input makes the streams secret. */
const outputsOf = (inputs: PropertyMap, streams: Streams): PropertyMap => {
  const wrap = (text: string): PropertyValue => (containsSecret(inputs) ? secret(text) : text);
  return { ...inputs, stdout: wrap(streams.stdout), stderr: wrap(streams.stderr) };
};

const NOTHING: Streams = { stdout: "", stderr: "" };

/**
 * Runs commands on this machine as @pulumi/command does: `create` at first, `update` (else `create` again) when an
 * input changes, `delete` at the end, replacement when a trigger changes. A command that fails or is interrupted stays
 * in the state, so that its `delete` still runs.
 *
 * @param directory where commands run that set no `dir`
 */
export const createCommandProvider = (directory: string): Provider => ({
  supports: (type) => type === TYPE,
  check: (_type, inputs, { urn }) => {
    const known = new Set(Object.keys(inputsSchema.shape));
    const unknown = Object.keys(inputs).filter((key) => !known.has(key));
    if (unknown.length === 0) return inputs;
    throw new EngineError(
      `the command "${nameOf(urn)}" sets ${unknown.join(", ")}, which the embedded engine does not support; use the Pulumi CLI.`,
    );
  },
  plan: async (_old, _inputs, changes) =>
    changes.some(({ path }) => path[0] === "triggers")
      ? { kind: "replace", beside: false }
      : { kind: "update" },
  create: async (_type, inputs, context) => {
    const id = `${nameOf(context.urn)}${randomBytes(4).toString("hex")}`;
    const { create } = parse(inputs);
    if (create === undefined) return { id, outputs: outputsOf(inputs, NOTHING) };
    try {
      const streams = await run(create, inputs, NOTHING, { ...context, directory });
      return { id, outputs: outputsOf(inputs, streams) };
    } catch (error) {
      const outcome = { id, outputs: outputsOf(inputs, NOTHING) };
      throw new PartialError((error as Error).message, outcome, { cause: error });
    }
  },
  update: async (old, inputs, context) => {
    const { create, update } = parse(inputs);
    const unfinished = (old.initErrors ?? []).length > 0 && old.created === undefined;
    const command = unfinished ? create : (update ?? create);
    const previous = streamsOf(old.outputs);
    const id = old.id ?? "";
    if (command === undefined) return { id, outputs: outputsOf(inputs, previous) };
    try {
      const streams = await run(command, inputs, previous, { ...context, directory });
      return { id, outputs: outputsOf(inputs, streams) };
    } catch (error) {
      const outcome = { id, outputs: outputsOf(inputs, previous) };
      throw new PartialError((error as Error).message, outcome, { cause: error });
    }
  },
  remove: async (old, context) => {
    const inputs = old.inputs ?? {};
    const { delete: command } = parse(inputs);
    if (command === undefined) return;
    await run(command, inputs, streamsOf(old.outputs), { ...context, directory });
  },
  read: async (old) => ({ inputs: old.inputs ?? {}, outputs: old.outputs ?? {} }),
});
