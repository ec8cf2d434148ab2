/** Argument parser of an option that may be given several times: every value in its order. */
export function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value]
}

/** As collect(), and each value may be a list with commas: "a,b" and "c" give a, b, c. */
export function collectList(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), ...value.split(',').map((part) => part.trim())]
}

/** As collect(), but each value with commas stays a group of its own: all of a group must match, one group is enough. */
export function collectGroups(value: string, before: readonly (readonly string[])[] | undefined): string[][] {
  return [...(before ?? []).map((group) => [...group]), value.split(',').map((part) => part.trim())]
}
