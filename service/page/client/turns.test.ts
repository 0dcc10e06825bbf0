import { expect, it } from "vitest";
import { createTurns } from "./turns.js";

/** Lets everything that is settled be heard of. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

it("lets few go on at a time, in their order, and leaves out what nobody wants any more", async () => {
  const takeTurn = createTurns(2);
  const ends: (() => void)[] = [];
  let begun = "";
  let unwanted = "";
  for (const name of "abcdef") {
    takeTurn(
      () => !unwanted.includes(name),
      () => {
        begun += name;
        return new Promise((end) => ends.push(end));
      },
    );
  }
  expect(begun).toBe("ab");
  ends[1]?.();
  await settle();
  expect(begun).toBe("abc");
  unwanted = "de";
  ends[0]?.();
  await settle();
  expect(begun).toBe("abcf");
  ends[2]?.();
  ends[3]?.();
  await settle();
  takeTurn(
    () => true,
    async () => {
      begun += "g";
    },
  );
  expect(begun).toBe("abcfg");
});
