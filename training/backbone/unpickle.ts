/*
 * A reader for the few pickle opcodes that PyTorch's older checkpoints use (protocol 2). Unpickling in general runs code
 * that the file names; this reader can only build numbers, strings, lists, tuples and maps, and calls nothing but the
 * functions that it is given. Opcodes: the table in CPython's Lib/pickletools.py.
 */

/** What the file may use: functions by `module name`, and how a persistent reference is resolved. */
export type PickleAllowed = {
  readonly functions: Readonly<Record<string, PickleFunction>>;
  readonly resolve: (reference: unknown) => unknown;
};
type PickleFunction = (...args: unknown[]) => unknown;

const fail = (reason: string): never => {
  throw new Error(`unsupported pickle: ${reason}`);
};

const asArray = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : fail("expected a tuple or list");

const asMap = (value: unknown): Map<unknown, unknown> =>
  value instanceof Map ? value : fail("expected a dictionary");

const longFrom = (bytes: Buffer): bigint => {
  if (bytes.length === 0) return 0n;
  const hex = Buffer.from(bytes).reverse().toString("hex");
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${hex}`));
};

/**
 * Reads one pickle that starts at `offset`.
 *
 * @returns the value, and the offset after its STOP
 * @throws Error when the file needs anything that is not allowed
 */
export const unpickle = (
  data: Buffer,
  offset: number,
  allowed: PickleAllowed,
): { readonly value: unknown; readonly end: number } => {
  let at = offset;
  const stack: unknown[] = [];
  const marks: number[] = [];
  const memo = new Map<number, unknown>();

  const take = (count: number): Buffer => {
    if (at + count > data.length) fail("the file ends early");
    at += count;
    return data.subarray(at - count, at);
  };
  const line = (): string => {
    const end = data.indexOf(0x0a, at);
    if (end < 0) fail("the file ends early");
    const text = data.toString("utf8", at, end);
    at = end + 1;
    return text;
  };
  const popMark = (): unknown[] => stack.splice(marks.pop() ?? fail("no mark"));
  const top = (): unknown => stack.at(-1);
  const setItems = (pairs: unknown[]): void => {
    const target = asMap(top());
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      target.set(pairs[i], pairs[i + 1]);
    }
  };
  const global = (): PickleFunction => {
    const name = `${line()} ${line()}`;
    const known = Object.hasOwn(allowed.functions, name) ? allowed.functions[name] : undefined;
    return known ?? fail(`it names ${JSON.stringify(name)}`);
  };
  const reduce = (): unknown => {
    const args = asArray(stack.pop());
    const target = stack.pop();
    return typeof target === "function" ? target(...args) : fail("it calls what is no function");
  };
  const remember = (key: number): void => {
    memo.set(key, top());
  };
  const recall = (key: number): unknown => memo.get(key);

  for (;;) {
    const code = take(1)[0] as number;
    switch (code) {
      case 0x80: // PROTO
        if (take(1)[0] !== 2) fail("its protocol is not 2");
        break;
      case 0x2e: // STOP
        return { value: stack.pop(), end: at };
      case 0x28: // MARK
        marks.push(stack.length);
        break;
      case 0x4e: // NONE
        stack.push(null);
        break;
      case 0x88: // NEWTRUE
        stack.push(true);
        break;
      case 0x89: // NEWFALSE
        stack.push(false);
        break;
      case 0x4b: // BININT1
        stack.push(take(1).readUInt8());
        break;
      case 0x4d: // BININT2
        stack.push(take(2).readUInt16LE());
        break;
      case 0x4a: // BININT
        stack.push(take(4).readInt32LE());
        break;
      case 0x8a: // LONG1
        stack.push(longFrom(take(take(1).readUInt8())));
        break;
      case 0x58: // BINUNICODE
        stack.push(take(take(4).readUInt32LE()).toString("utf8"));
        break;
      case 0x7d: // EMPTY_DICT
        stack.push(new Map());
        break;
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        stack.push([]);
        break;
      case 0x85: // TUPLE1
        stack.push([stack.pop()]);
        break;
      case 0x86: // TUPLE2
        stack.push(stack.splice(-2));
        break;
      case 0x87: // TUPLE3
        stack.push(stack.splice(-3));
        break;
      case 0x74: // TUPLE
        stack.push(popMark());
        break;
      case 0x65: // APPENDS
        {
          const items = popMark();
          asArray(top()).push(...items);
        }
        break;
      case 0x73: // SETITEM
        setItems(stack.splice(-2));
        break;
      case 0x75: // SETITEMS
        setItems(popMark());
        break;
      case 0x71: // BINPUT
        remember(take(1).readUInt8());
        break;
      case 0x72: // LONG_BINPUT
        remember(take(4).readUInt32LE());
        break;
      case 0x68: // BINGET
        stack.push(recall(take(1).readUInt8()));
        break;
      case 0x6a: // LONG_BINGET
        stack.push(recall(take(4).readUInt32LE()));
        break;
      case 0x63: // GLOBAL
        stack.push(global());
        break;
      case 0x51: // BINPERSID
        stack.push(allowed.resolve(stack.pop()));
        break;
      case 0x52: // REDUCE
        stack.push(reduce());
        break;
      case 0x62: // BUILD: attributes of the state dict (its version numbers), which nothing here reads
        stack.pop();
        break;
      default:
        fail(`opcode 0x${code.toString(16)}`);
    }
  }
};
