// The SDK registers ts-node for a pack's .ts files, which knows no ES modules: from here on Node itself strips the types.
import "./pack.ts";
