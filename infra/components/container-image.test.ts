import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { repositoryDirectory } from "../paths.ts";
import { recordProgram } from "./testing/record-program.ts";

type Args = ConstructorParameters<typeof import("./container-image.ts").ContainerImage>[1];

const args: Args = {
  delivery: {
    target: "minikube",
    registry: "docker.io/cats-dogs",
    environment: { MINIKUBE_PROFILE: "lab" },
  },
  image: "service",
  dockerfile: "service/Dockerfile",
  digest: "d1",
};

const build = async (more: Partial<Args> = {}) => {
  const { resources } = await recordProgram(async () => {
    const { ContainerImage } = await import("./container-image.ts");
    new ContainerImage("image", { ...args, ...more });
  });
  return resources.find(({ type }) => type === "command:local:Command")?.inputs;
};

describe("ContainerImage", () => {
  it("builds when, and only when, the digest of its sources changes", async () => {
    const inputs = await build();
    const [tag] = inputs.triggers;
    expect(tag).toMatch(/^[0-9a-f]{16}$/);
    expect(inputs).toEqual({
      dir: repositoryDirectory,
      create: `node infra/cli/image.ts build --target minikube --name docker.io/cats-dogs/service --tag ${tag} --file service/Dockerfile`,
      environment: { MINIKUBE_PROFILE: "lab" },
      triggers: [tag],
    });
    expect(await build()).toEqual(inputs);
    expect((await build({ digest: "d2" })).triggers).not.toEqual([tag]);
  });

  it("starts from another image where the Dockerfile leaves that open, and follows it", async () => {
    const on = (base: string) => build({ context: "/my photos", base });
    const inputs = await on("docker.io/a@sha256:1");
    expect(inputs.create).toMatch(/ --context "\/my photos" --base docker\.io\/a@sha256:1$/);
    expect((await on("docker.io/a@sha256:2")).triggers).not.toEqual(inputs.triggers);
  });

  it("is built by a command line that the builder understands", async () => {
    const { create } = await build({ context: "/my photos", base: "docker.io/a@sha256:1" });
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["infra/cli/image.ts", "build", "--help"],
      { cwd: repositoryDirectory },
    );
    const known = stdout.match(/--[a-z]+/g) ?? [];
    expect(known).toEqual(expect.arrayContaining(create.match(/--[a-z]+/g)));
  });
});
