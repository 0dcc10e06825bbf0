import { make, possible } from "./support.ts";

/** Vitest calls it behind all end-to-end tests: they leave the platform to each other, but to nobody else. */
export const teardown = async (): Promise<void> => {
  if (!possible) return;
  const { code, stderr } = await make("down");
  if (code !== 0) throw new Error(`the platform could not be taken down: ${stderr}`);
};
