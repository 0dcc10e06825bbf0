import { describe, expect, it } from "vitest";
import type { PendingOperation, ResourceState } from "../resource-state.ts";
import type { Snapshot } from "./checkpoint.ts";
import { createJournal } from "./journal.ts";

const resource = (urn: string, more: Partial<ResourceState> = {}): ResourceState => ({
  urn,
  custom: true,
  type: "t",
  ...more,
});

const recordingJournal = (before: readonly ResourceState[]) => {
  const saved: Snapshot[] = [];
  const journal = createJournal(before, async (snapshot) => {
    saved.push(snapshot);
  });
  const urns = (): readonly string[] => saved.at(-1)?.resources.map(({ urn }) => urn) ?? [];
  return { journal, saved, urns };
};

describe("journal", () => {
  it("has the operation on disk before it begins, and its outcome after", async () => {
    const { journal, saved, urns } = recordingJournal([]);
    const operation: PendingOperation = { type: "creating", resource: resource("a") };
    await journal.begin(operation);
    expect(saved.at(-1)).toEqual({ resources: [], pendingOperations: [operation] });
    await journal.end(operation, resource("a", { id: "1" }));
    expect(saved.at(-1)?.pendingOperations).toEqual([]);
    expect(urns()).toEqual(["a"]);
  });

  it("keeps what was done before what is left, so that dependencies come first", async () => {
    const { journal, urns } = recordingJournal([
      resource("old"),
      resource("parent"),
      resource("b"),
    ]);
    journal.keep(resource("parent"));
    journal.keep(resource("new"));
    journal.keep(resource("b"));
    await journal.flush();
    expect(urns()).toEqual(["parent", "new", "b", "old"]);
  });

  it("forgets what was deleted", async () => {
    const a = resource("a");
    const { journal, urns } = recordingJournal([a, resource("b")]);
    const operation: PendingOperation = { type: "deleting", resource: a };
    await journal.begin(operation);
    expect(urns()).toEqual(["a", "b"]);
    await journal.end(operation, undefined);
    expect(urns()).toEqual(["b"]);
  });

  it("has a replaced resource beside its successor until it is deleted", async () => {
    const { journal, saved } = recordingJournal([resource("a", { id: "old" })]);
    await journal.condemn(resource("a", { id: "old" }));
    expect(journal.find("a")).toBeUndefined();
    journal.keep(resource("a", { id: "new" }));
    await journal.flush();
    expect(saved.at(-1)?.resources).toEqual([
      resource("a", { id: "new" }),
      resource("a", { id: "old", delete: true }),
    ]);
    const doomed = journal.all().filter((each) => each.delete === true);
    await journal.forget(doomed);
    expect(saved.at(-1)?.resources).toEqual([resource("a", { id: "new" })]);
  });

  it("renames for an alias, but only what is left of before", async () => {
    const { journal, urns } = recordingJournal([resource("was")]);
    journal.rename("was", "is");
    journal.rename("nowhere", "x");
    await journal.flush();
    expect(urns()).toEqual(["is"]);
  });

  it("writes one at a time, and every change before its promise resolves", async () => {
    let writing = 0;
    let written: readonly string[] = [];
    const journal = createJournal([], async ({ resources }) => {
      writing += 1;
      expect(writing).toBe(1);
      await Promise.resolve();
      written = resources.map(({ urn }) => urn);
      writing -= 1;
    });
    await Promise.all(
      Array.from({ length: 30 }, async (_, index) => {
        const urn = `r${index}`;
        const operation: PendingOperation = { type: "creating", resource: resource(urn) };
        await journal.begin(operation);
        await journal.end(operation, resource(urn));
        expect(written).toContain(urn);
      }),
    );
    expect(written).toHaveLength(30);
  });

  it("reports a disk that is full", async () => {
    const journal = createJournal([], () => Promise.reject(new Error("ENOSPC")));
    await expect(journal.flush()).rejects.toThrow("ENOSPC");
  });
});
