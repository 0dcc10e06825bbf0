import { createHash, randomUUID } from "node:crypto";

/** What may be kept, by the ending of its key. */
const TYPES = {
  png: "image/png",
  jpg: "image/jpeg",
  webp: "image/webp",
  json: "application/json",
} as const;

/** Media type of something that may be kept. */
export type StoredType = (typeof TYPES)[keyof typeof TYPES];

/** Every media type that may be kept. */
export const STORED_TYPES: readonly StoredType[] = Object.values(TYPES);

type StoredObject = {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: StoredType;
};

/**
 * Where outputs are kept when a client asks for that. A key is a plain name that ends as its type does, such as
 * `3f0c….png`: it has no directories, so no key leads out of the storage. Whoever can guess a key can overwrite it, so
 * keys are made of random ids ({@link createKey}, {@link nameKey}), and only such ones are ever swept.
 */
export type Storage = {
  /**
   * Keeps bytes, at once or not at all. What the key held before is replaced.
   *
   * @param signal ends a put over the network, whose bytes are kept or not then; a disk's is short and goes on
   * @returns the address: `/outputs/<key>` or `s3://<bucket>/<prefix><key>`. It opens nothing; {@link Storage.signedUrl} does
   * @throws StorageKeyError, or what the file system or server said
   */
  put(
    key: string,
    bytes: Uint8Array,
    contentType: StoredType,
    signal?: AbortSignal,
  ): Promise<string>;
  /** What is kept, or undefined. @throws StorageKeyError */
  get(key: string): Promise<StoredObject | undefined>;
  /** Forgets it; nothing happens when there is no such key. @throws StorageKeyError */
  delete(key: string): Promise<void>;
  /** An address that anybody who has it can read from until it expires. @throws StorageKeyError */
  signedUrl(key: string): Promise<string>;
  /** Forgets what is older than the retention, of what has a key of {@link createKey} or {@link nameKey}. @returns how many it were */
  sweep(): Promise<number>;
};

/** A key that is no plain name, or that ends otherwise than its type. */
export class StorageKeyError extends Error {
  override readonly name = "StorageKeyError";
}

const KEY = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}\.(png|jpg|webp|json)$/;
/** What {@link createKey} and {@link nameKey} give. */
const CREATED_KEY = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}\.(png|jpg|webp|json)$/;

/** A key that nobody can guess. @param ending stands for the type */
export const createKey = (ending: keyof typeof TYPES): string => `${randomUUID()}.${ending}`;

/**
 * The key of something that has a name, always the same one.
 *
 * @param name so long and random that nobody can guess it: such as one with a job's id in it
 */
export const nameKey = (name: string, ending: keyof typeof TYPES): string => {
  const hex = createHash("sha256").update(name).digest("hex");
  const [, ...groups] = /^(.{8})(.{4})(.{4})(.{4})(.{12})/.exec(hex) ?? [];
  return `${groups.join("-")}.${ending}`;
};

/** Whether {@link createKey} or {@link nameKey} may have given this name. What somebody else put into a storage is not for it to delete. */
export const isCreatedKey = (name: string): boolean => CREATED_KEY.test(name);

/** The media type that a key stands for; undefined when it is no key. */
export const typeOfKey = (key: string): StoredType | undefined => {
  const ending = KEY.exec(key)?.[1] as keyof typeof TYPES | undefined;
  return ending && TYPES[ending];
};

/** The media type that a key stands for. @throws StorageKeyError */
export const checkKey = (key: string): StoredType => {
  const type = typeOfKey(key);
  if (type) return type;
  throw new StorageKeyError(
    `"${key.slice(0, 100)}" is no key; take letters, digits, - and _, and one of .${Object.keys(TYPES).join(", .")}.`,
  );
};

/** @throws StorageKeyError when the key is none, or stands for another type */
export const checkKeyOf = (key: string, contentType: StoredType): void => {
  if (checkKey(key) === contentType) return;
  throw new StorageKeyError(`"${key}" does not stand for ${contentType}; end it accordingly.`);
};
