/** A count with its noun: "1 file", "12,000 files". `many` is for nouns that do more than take an s. */
export function formatCount(count: number, one: string, many: string = `${one}s`): string {
  return `${groupDigits(count)} ${count === 1 ? one : many}`
}

/** A count in groups of three digits: "12,000". */
export function groupDigits(count: number): string {
  return count.toString().replace(/\B(?=(\d{3})+$)/g, ',')
}
