import { expect } from "vitest";
import { killGroup, start } from "./support.ts";

/** The cluster's MLflow server, from this machine. */
export type Mlflow = {
  /** Asks its REST API. @param path below `/api/2.0/mlflow/` */
  readonly get: <T>(path: string, query: Readonly<Record<string, string>>) => Promise<T>;
  readonly close: () => Promise<void>;
};

/** Opens the way that `make mlflow` opens. */
export const openMlflow = async (): Promise<Mlflow> => {
  const { child, ended } = start("make", ["mlflow"]);
  const close = async (): Promise<void> => {
    killGroup(child);
    await ended;
  };
  const url = await new Promise<string>((found, failed) => {
    child.stdout?.on("data", (text: string) => {
      if (text.startsWith("http://")) found(text.trim());
    });
    void ended.then(({ stderr }) => failed(new Error(stderr)));
  });
  return {
    close,
    get: async <T>(path: string, query: Readonly<Record<string, string>>): Promise<T> => {
      const address = `${url}/api/2.0/mlflow/${path}?${new URLSearchParams(query)}`;
      const response = await fetch(address);
      expect(response.status, address).toBe(200);
      return (await response.json()) as T;
    },
  };
};
