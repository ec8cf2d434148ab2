/** What JSON can hold without doubt about how it is written: no fractions, no undefined. */
export type PlainJson =
  | string
  | number
  | boolean
  | null
  | readonly PlainJson[]
  | { readonly [name: string]: PlainJson | undefined }

/**
 * The one text that stands for a value: names sorted by their code units, absent ones left out, no white space. Two
 * values have the same text only where they are equal, so a code over the text is a code over the value. Numbers must
 * be whole.
 */
export function canonicalJson(value: PlainJson): string {
  if (Array.isArray(value)) return `[${value.map((one: PlainJson) => canonicalJson(one)).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const parts = Object.entries(value)
      .filter((entry): entry is [string, PlainJson] => entry[1] !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, one]) => `${JSON.stringify(name)}:${canonicalJson(one)}`)
    return `{${parts.join(',')}}`
  }
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new TypeError(`not a whole number: ${value}`)
  return JSON.stringify(value)
}
