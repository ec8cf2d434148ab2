import type { ByteName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'

/**
 * restic's patterns for paths (find, and --include of restore): parts joined by "/". A part is a shell pattern in
 * which `*` and `?` never match "/"; the part `**` stands for any number of directories. A pattern that begins with
 * "/" matches from the root on, any other one matches anywhere in the path.
 */
export interface PathPattern {
  readonly text: string
  /** Whether the path, which begins with "/", has parts that the pattern matches. */
  matches(path: ByteName): boolean
  /** Whether something below the path could match. */
  matchesBelow(path: ByteName): boolean
}

/** Failure `usage` for a pattern that has no meaning. */
export function parsePathPattern(text: string, options: { readonly ignoreCase: boolean }): PathPattern {
  const pattern = options.ignoreCase ? text.toLowerCase() : text
  const parts = cleanParts(pattern).map((part) => parsePart(part, text))
  const partsOf = (path: ByteName): ByteName[] => splitParts(options.ignoreCase ? path.toLowerCase() : path)
  return {
    text,
    matches: (path) => matchParts(parts, partsOf(path)),
    matchesBelow: (path) => matchPartsBelow(parts, partsOf(path)),
  }
}

type Part =
  | { readonly kind: 'root' }
  | { readonly kind: 'any directories' }
  | { readonly kind: 'name'; test(name: string): boolean }

const anyName: Part = { kind: 'name', test: () => true }

/** As Go's filepath.Clean: double slashes, "." and a slash at the end go, ".." takes away the part before it. */
function cleanParts(pattern: string): string[] {
  const rooted = pattern.startsWith('/')
  const parts: string[] = []
  for (const part of pattern.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else if (!rooted) parts.push('..')
  }
  if (rooted) return ['/', ...parts]
  return parts.length === 0 ? ['.'] : parts
}

function splitParts(path: ByteName): ByteName[] {
  const parts = path === '/' ? [''] : path.split('/')
  if (parts[0] === '') parts[0] = '/'
  return parts
}

function parsePart(part: string, pattern: string): Part {
  if (part === '/') return { kind: 'root' }
  if (part === '**') return { kind: 'any directories' }
  if (!/[\\[\]*?]/.test(part)) return { kind: 'name', test: (name) => name === part }
  const expression = shellExpression(part, pattern)
  return { kind: 'name', test: (name) => expression.test(name) }
}

/** A shell pattern as Go's filepath.Match understands it: `*`, `?`, `[a-z]`, `[^a-z]`, and `\` before a plain character. */
function shellExpression(part: string, pattern: string): RegExp {
  let source = ''
  const characters = Array.from(part)
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!
    if (character === '*') source += '.*'
    else if (character === '?') source += '.'
    else if (character === '[') {
      const end = classEnd(characters, at, pattern)
      source += classSource(characters.slice(at + 1, end), pattern)
      at = end
    } else if (character === '\\') {
      at++
      if (at === characters.length) throw meaningless(pattern)
      source += quoted(characters[at]!)
    } else source += quoted(character)
  }
  return new RegExp(`^(?:${source})$`, 'su')
}

/** Where the "]" stands that ends the class beginning at `start`. */
function classEnd(characters: readonly string[], start: number, pattern: string): number {
  let at = start + (characters[start + 1] === '^' ? 2 : 1)
  const first = at
  for (; at < characters.length; at++) {
    if (characters[at] === ']' && at > first) return at
    if (characters[at] === '\\') at++
  }
  throw meaningless(pattern)
}

function classSource(inside: readonly string[], pattern: string): string {
  const negated = inside[0] === '^'
  let source = ''
  let at = negated ? 1 : 0
  const next = (): string => {
    if (inside[at] === '\\') at++
    else if (inside[at] === '-' || inside[at] === ']') throw meaningless(pattern)
    const character = inside[at++]
    if (character === undefined) throw meaningless(pattern)
    return character
  }
  while (at < inside.length) {
    const low = next()
    if (inside[at] !== '-') source += quoted(low)
    else {
      at++
      const high = next()
      if (low.codePointAt(0)! <= high.codePointAt(0)!) source += `${quoted(low)}-${quoted(high)}`
    }
  }
  if (source === '') return negated ? '.' : '(?!)' // Only ranges that run backwards, which Go lets match nothing.
  return `[${negated ? '^' : ''}${source}]`
}

function quoted(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`
}

function meaningless(pattern: string): Failure {
  return new Failure('usage', `Cannot use pattern "${pattern}": a "[" without its end, or a "\\" at the end`)
}

function matchParts(parts: readonly Part[], names: readonly ByteName[]): boolean {
  const wildcard = parts.findIndex((part) => part.kind === 'any directories')
  if (wildcard >= 0) {
    const before = parts.slice(0, wildcard)
    const after = parts.slice(wildcard + 1)
    for (let count = 0; count <= names.length - parts.length + 1; count++) {
      if (matchParts([...before, ...Array.from({ length: count }, () => anyName), ...after], names)) return true
    }
    return false
  }
  if (parts.length === 0) return names.length === 0
  if (parts.length > names.length) return false
  const lastOffset = parts[0]!.kind === 'root' ? 0 : names.length - parts.length
  const firstOffset = parts[0]!.kind !== 'root' && names[0] === '/' ? 1 : 0
  for (let offset = lastOffset; offset >= firstOffset; offset--) {
    if (parts.every((part, index) => matchesPart(part, names[offset + index]!))) return true
  }
  return false
}

function matchPartsBelow(parts: readonly Part[], names: readonly ByteName[]): boolean {
  if (parts[0]?.kind !== 'root') return true // It may begin at any depth.
  const wildcard = parts.findIndex((part) => part.kind === 'any directories')
  const known = wildcard >= 0 && names.length >= wildcard ? names.slice(0, wildcard) : names
  return matchParts(parts.slice(0, Math.min(known.length, parts.length)), known)
}

function matchesPart(part: Part, name: ByteName): boolean {
  return part.kind === 'name' ? part.test(name) : part.kind === 'root' && name === '/'
}
