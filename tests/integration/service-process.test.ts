import { once } from "node:events";
import { connect, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { eventually } from "../fixtures/eventually.ts";
import { useModelStore } from "../fixtures/model-store.ts";
import { colourImage, stubModel } from "../fixtures/models.ts";
import { runProgram } from "../fixtures/service-process.ts";
import { loadService, predict, statusOf } from "../fixtures/service-requests.ts";

const store = useModelStore();

describe("the end", () => {
  it("drains under load without a failed request, and exits with 0", async () => {
    await store.publish(await stubModel());
    const service = await store.start({ env: { DRAIN_DELAY: "10" } });
    await service.serving();
    const clients = loadService(service, await colourImage("red"), 8);
    await clients.answered(20);
    const ended = service.stop("SIGTERM");
    await service.logged((line) => line.msg === "draining");
    expect(await statusOf(service, "/readyz")).toBe(503);
    expect(await statusOf(service, "/livez")).toBe(200);
    const late = await predict(service, await colourImage("blue"));
    expect(late.response.status, "still serves those who have not heard yet").toBe(200);
    expect(await ended).toBe(0);
    await clients.finished;
    expect(new Set(clients.outcomes)).toEqual(new Set([200]));
    expect(service.logs.at(-1)?.msg).toBe("stopped");
  });

  it.each(["SIGTERM", "SIGINT"] as const)(
    "comes at once with %s and nothing to do",
    async (signal) => {
      const service = await store.start({ env: { DRAIN_DELAY: signal === "SIGINT" ? "60" : "0" } });
      expect(await service.stop(signal)).toBe(0);
    },
  );
});

describe("overload", () => {
  it("is refused with 429 and Retry-After, and what is accepted is answered", async () => {
    await store.publish(await stubModel());
    const service = await store.start({ env: { SLOTS: "2", BURST_SLOTS: "4" } });
    await service.serving();
    const image = await colourImage("red");
    const results = await Promise.all(Array.from({ length: 60 }, () => predict(service, image)));
    const statuses = results.map(({ response }) => response.status);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    for (const { response, body } of results) {
      if (response.status !== 429) continue;
      expect(response.headers.get("retry-after")).toBe("1");
      expect(body).toMatchObject({ type: "urn:image-classification:problem:queue-full" });
    }
    await eventually(async () => expect((await predict(service, image)).response.status).toBe(200));
  });

  it("answers others while as many bodies as it has slots are slow, and these at their end", async () => {
    await store.publish(await stubModel());
    const service = await store.start({
      env: { SLOTS: "2", BURST_SLOTS: "2", SLOW_BODY: "0.01" },
    });
    await service.serving();
    const image = await colourImage("red");
    const head = `POST /predict HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: image/jpeg\r\ncontent-length: ${image.length}\r\nexpect: 100-continue\r\n\r\n`;
    const slow = [];
    for (let i = 0; i < 10; i++) {
      // One of these may have to come again: both slots are taken until the ones before it are known to be slow.
      slow.push(
        await eventually(async () => {
          const socket = connect(Number(new URL(service.url).port), "127.0.0.1");
          socket.write(head);
          expect(String(await once(socket, "data"))).toMatch(/^HTTP\/1.1 100 /);
          socket.write(image.subarray(0, image.length / 2));
          return socket;
        }),
      );
    }
    await eventually(async () => expect((await predict(service, image)).response.status).toBe(200));
    for (const socket of slow) {
      const answered = text(socket);
      socket.write(image.subarray(image.length / 2));
      expect(await answered).toMatch(/^HTTP\/1.1 200 /);
    }
  });

  it("does not keep the slots of clients that hung up", async () => {
    await store.publish(await stubModel());
    const service = await store.start({
      env: { SLOTS: "4", BURST_SLOTS: "4" },
    });
    await service.serving();
    const image = await colourImage("red");
    const hanging = Array.from({ length: 4 }, () => {
      const socket = connect(Number(new URL(service.url).port), "127.0.0.1");
      socket.write(
        "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/jpeg\r\ncontent-length: 999\r\n\r\n",
      );
      return socket;
    });
    await eventually(async () => expect((await predict(service, image)).response.status).toBe(429));
    for (const socket of hanging) socket.destroy();
    await eventually(async () => expect((await predict(service, image)).response.status).toBe(200));
    const metrics = await (await fetch(`${service.metricsUrl}/metrics`)).text();
    expect(metrics).toContain('inference_failures_total{reason="cancelled"} 4');
  });
});

describe("the command line", () => {
  it("says in one line that a port is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const flags = ["--model", store.directory, "--metrics-port", "0", "--port", String(port)];
    const { code, errors } = await runProgram("main.ts", flags);
    expect(code).toBe(1);
    expect(errors).toBe(`Port ${port} is in use; stop the other program or choose another port.\n`);
    const flagged = await runProgram("main.ts", ["--port", "0", "--metrics-port", String(port)]);
    expect(flagged).toMatchObject({ code: 1, errors: expect.stringContaining(`Port ${port} is`) });
    other.close();
  });

  it("does without the metrics port that nobody asked for when it is in use", async () => {
    const other = createServer().listen(9090, "127.0.0.1");
    // Somebody else may have it, which serves this test as well.
    await once(other, "listening").catch((error: unknown) =>
      expect(error).toMatchObject({ code: "EADDRINUSE" }),
    );
    const service = await store.start({ ports: ["--port", "0"] });
    expect(service.logs.map((line) => line.msg)).toContainEqual(
      expect.stringMatching(/^Port 9090 is in use, so \/metrics is on port \d+ only/),
    );
    expect(await statusOf(service, "/metrics")).toBe(200);
    other.close();
  });

  it.each([
    [["--port", "many"], "PORT=many is not usable"],
    [["--nonsense"], "unknown option"],
  ])("refuses %j in one line", async (flags, message) => {
    const { code, errors } = await runProgram("main.ts", flags);
    expect(code).toBe(1);
    expect(errors).toContain(message);
    expect(errors.trim().split("\n")).toHaveLength(1);
  });
});
