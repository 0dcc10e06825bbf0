import { join } from "node:path";
import { UserError } from "../user-error.ts";
import { openFolder } from "./folder.ts";
import { findKaggleToken, openKaggle } from "./kaggle.ts";
import { DEFAULT_SAMPLE_COUNT, openSample } from "./sample.ts";
import type { Source, SourceName } from "./source.ts";

/** What a person asked for. */
export type SourceChoice = {
  /** `auto`: Kaggle where a token is found, else the drawn sample. */
  readonly source: SourceName | "auto";
  /** The folder of pictures, or where Kaggle's archive is kept. */
  readonly data?: string;
  readonly seed: number;
  /** Pictures of the drawn sample. */
  readonly count?: number;
  readonly cache: string;
};

/**
 * Opens the source that was asked for.
 *
 * @throws UserError when it cannot be had
 */
export const openSource = async (choice: SourceChoice): Promise<Source> => {
  const { data, seed, cache, count = DEFAULT_SAMPLE_COUNT } = choice;
  const openKaggleWith = async (token: Awaited<ReturnType<typeof findKaggleToken>>) =>
    openKaggle(data ?? join(cache, "kaggle"), token);
  switch (choice.source) {
    case "folder":
      if (!data) throw new UserError("source folder needs the folder; give it with --data DIR.");
      return openFolder(data);
    case "kaggle":
      return openKaggleWith(await findKaggleToken());
    case "sample":
      return openSample({ seed, count });
    case "auto": {
      if (data) {
        throw new UserError(
          `say what ${data} is: give --source folder for a folder of pictures, or --source kaggle for where Kaggle's archive is kept.`,
        );
      }
      const token = await findKaggleToken();
      return token ? openKaggleWith(token) : openSample({ seed, count });
    }
  }
};
