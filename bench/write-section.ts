import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/**
 * Puts a section of bench/RESULTS.md in the place of the one of that name, or behind the others: each part of the benchmark
 * is run by itself and leaves the others' results as they are.
 */
export function writeSection(path: string, name: string, text: string): void {
  const before = existsSync(path) ? readFileSync(path, 'utf8') : ''
  writeFileSync(path, withSection(before, name, text))
}

export function withSection(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`]
  const section = `${begin}\n${text.trim()}\n${end}\n`
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from < 0 || to < from) return `${page.trimEnd()}${page.trim() === '' ? '' : '\n\n'}${section}`
  return `${page.slice(0, from)}${section}${page.slice(to + end.length).replace(/^\n/, '')}`
}
