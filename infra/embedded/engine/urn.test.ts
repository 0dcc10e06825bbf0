import { describe, expect, it } from "vitest";
import { makeUrn, nameOf, typeOf } from "./urn.ts";

const base = { stack: "dev", project: "p" };
const stack = makeUrn({ ...base, type: "pulumi:pulumi:Stack", name: "p-dev" });

describe("makeUrn", () => {
  it("leaves the stack out of the chain of types", () => {
    expect(stack).toBe("urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev");
    expect(makeUrn({ ...base, parent: stack, type: "a:b:C", name: "n" })).toBe(
      "urn:pulumi:dev::p::a:b:C::n",
    );
  });

  it("chains the types of components", () => {
    const outer = makeUrn({ ...base, parent: stack, type: "o:o:Outer", name: "outer" });
    const inner = makeUrn({ ...base, parent: outer, type: "i:i:Inner", name: "inner" });
    const leaf = makeUrn({ ...base, parent: inner, type: "k:v1:Leaf", name: "a::b" });
    expect(leaf).toBe("urn:pulumi:dev::p::o:o:Outer$i:i:Inner$k:v1:Leaf::a::b");
    expect(typeOf(leaf)).toBe("k:v1:Leaf");
    expect(nameOf(leaf)).toBe("a::b");
  });
});
