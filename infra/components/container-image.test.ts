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
    expect(await build()).toEqual({
      dir: repositoryDirectory,
      create:
        "node infra/cli/image.ts build --target minikube --name docker.io/cats-dogs/service --file service/Dockerfile",
      environment: { MINIKUBE_PROFILE: "lab" },
      triggers: ["d1"],
    });
    expect((await build({ digest: "d2" })).triggers).toEqual(["d2"]);
  });

  it("starts from another image where the Dockerfile leaves that open, and follows it", async () => {
    const inputs = await build({ context: "/my photos", base: "docker.io/a@sha256:1" });
    expect(inputs.create).toMatch(/ --context "\/my photos" --base docker\.io\/a@sha256:1$/);
    expect(inputs.triggers).toEqual(["d1", "docker.io/a@sha256:1"]);
  });
});
