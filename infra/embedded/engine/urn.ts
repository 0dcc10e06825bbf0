/** What a URN is made of. */
export type UrnParts = {
  readonly stack: string;
  readonly project: string;
  /** The parent's URN; neither it nor its types appear for children of the stack itself. */
  readonly parent?: string | undefined;
  readonly type: string;
  readonly name: string;
};

/** The type of the resource that every program has at its root. */
export const STACK_TYPE = "pulumi:pulumi:Stack";

/** The chain of types that a URN holds, the resource's own last. */
const qualifiedTypeOf = (urn: string): string => urn.split("::")[2] ?? "";

/** The resource's own type. */
export const typeOf = (urn: string): string => qualifiedTypeOf(urn).split("$").at(-1) ?? "";

/** The resource's name; it may itself contain `::`. */
export const nameOf = (urn: string): string => urn.split("::").slice(3).join("::");

/** Makes the URN that the Pulumi CLI would make. */
export const makeUrn = ({ stack, project, parent, type, name }: UrnParts): string => {
  const parentType =
    parent === undefined || typeOf(parent) === STACK_TYPE ? "" : `${qualifiedTypeOf(parent)}$`;
  return `urn:pulumi:${stack}::${project}::${parentType}${type}::${name}`;
};
