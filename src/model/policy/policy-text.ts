import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
} from 'yaml'
import { quotedText } from './found-value.ts'
import type { PolicyFault, UnplacedFault } from './policy-fault.ts'
import { settingName } from './policy-fault.ts'

/** A policy is a page or two; what is larger is none, and is not even parsed. */
export const policyCharactersMax = 128 * 1024

/** Somebody who writes more aliases than this means harm: they can stand for each other. */
const aliasesMax = 100

/** What is told of a text that is no YAML: the rest are echoes of the first ones. */
const syntaxFaultsMax = 5

/** The text of a policy as plain data, and where each part of it stands. */
export interface PolicyText {
  readonly data: unknown
  /** What is wrong in the text itself. Where it is not empty, data is undefined or, with names twice, still right. */
  readonly faults: readonly PolicyFault[]
  place(fault: UnplacedFault): PolicyFault
}

/** Reads the text as YAML, strictly: one document, plain values, each name once, aliases bounded. */
export function readPolicyText(text: string): PolicyText {
  if (text.length > policyCharactersMax) {
    return unreadable(`${text.length} characters`, `at most ${policyCharactersMax}`)
  }
  try {
    return readYaml(text)
  } catch (error) {
    if (error instanceof RangeError) return tooDeep()
    if (error instanceof ReferenceError) return unreadable('aliases that stand for each other', 'plain values')
    throw error
  }
}

function readYaml(text: string): PolicyText {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    strict: true,
    stringKeys: true,
    // The parser compares each name with all others; repeatedNames() looks each up once.
    uniqueKeys: false,
    version: '1.2',
    schema: 'core',
    resolveKnownTags: false,
    merge: false,
    logLevel: 'error',
  })
  const problems = [...document.errors, ...document.warnings]
  if (problems.some(({ code }) => code === 'RESOURCE_EXHAUSTION')) return tooDeep()
  const unreadables = [
    ...problems.map(({ code, pos }) => yamlFault(lines, code, pos[0])),
    ...aliasFaults(document, lines),
  ]
  // A name that stands twice leaves the rest as it is, so that its faults can be told too.
  const isReadable = unreadables.length === 0
  const data: unknown = isReadable ? document.toJS({ maxAliasCount: aliasesMax }) : undefined
  const place = (fault: UnplacedFault): PolicyFault => ({
    ...positionOf(lines, offsetOf(document, fault)),
    path: settingName(fault.at),
    found: fault.found,
    wanted: fault.wanted,
    ...(fault.hint !== undefined && { hint: fault.hint }),
  })
  return { data, faults: isReadable ? repeatedNames(document, lines) : withoutEchoes(unreadables), place }
}

/** What stands there and what is wanted, for the codes of the parser. Its own messages may show a secret. */
const yamlWords: Readonly<Record<string, { readonly found: string; readonly wanted: string }>> = {
  BAD_ALIAS: { found: 'an alias that nothing has', wanted: 'the name of an anchor above it' },
  BAD_DIRECTIVE: { found: 'a directive', wanted: 'settings' },
  BAD_DQ_ESCAPE: { found: 'a backslash that means nothing', wanted: 'an escape of YAML, or single quotes' },
  BAD_INDENT: {
    found: 'indentation that fits to nothing above',
    wanted: 'the indentation of its neighbours, or a closing bracket before',
  },
  BAD_SCALAR_START: { found: 'a character that a plain value can not begin with', wanted: 'the value in quotes' },
  BLOCK_AS_IMPLICIT_KEY: { found: 'two settings on one line', wanted: 'each on its own line' },
  MISSING_CHAR: { found: 'something that is not closed or not separated', wanted: 'its closing character, or a blank' },
  MULTIPLE_DOCS: { found: 'a second document', wanted: 'one document' },
  MULTILINE_IMPLICIT_KEY: { found: 'a name over several lines', wanted: 'a name on one line, with a colon after it' },
  NON_STRING_KEY: { found: 'a name that is no text', wanted: 'a name' },
  TAB_AS_INDENT: { found: 'a tab', wanted: 'blanks for indentation' },
  TAG_RESOLVE_FAILED: { found: 'a tag', wanted: 'a plain value' },
  UNEXPECTED_TOKEN: {
    found: 'something that does not belong here',
    wanted: 'a name, a colon and a value, or "- " and a value',
  },
}

function yamlFault(lines: LineCounter, code: string, offset: number): PolicyFault {
  const { found, wanted } = yamlWords[code] ?? { found: 'what is no YAML here', wanted: 'YAML 1.2' }
  return { ...positionOf(lines, offset), path: '', found, wanted }
}

/** Names that a map has already. */
function repeatedNames(document: Document.Parsed, lines: LineCounter): PolicyFault[] {
  const faults: PolicyFault[] = []
  visit(document, {
    Map: (_, { items }) => {
      const names = new Set<unknown>()
      for (const { key } of items) {
        const name = isScalar(key) ? key.value : undefined
        if (names.has(name)) {
          const found = `${quotedText(String(name))} for the second time`
          faults.push({ ...positionOf(lines, startOf(key) ?? 0), path: '', found, wanted: 'each name once' })
        }
        names.add(name)
      }
    },
  })
  return faults
}

function aliasFaults(document: Document.Parsed, lines: LineCounter): PolicyFault[] {
  const aliases: Alias[] = []
  visit(document, { Alias: (_, alias) => void aliases.push(alias) })
  const placeOf = (alias: Alias): { line: number; column: number } => positionOf(lines, alias.range?.[0] ?? 0)
  const excess = aliases[aliasesMax]
  if (excess !== undefined) {
    return [{ ...placeOf(excess), path: '', found: `${aliases.length} aliases`, wanted: `at most ${aliasesMax}` }]
  }
  return aliases
    .filter((alias) => alias.resolve(document) === undefined)
    .map((alias) => ({ ...placeOf(alias), path: '', ...yamlWords['BAD_ALIAS']! }))
}

/** The first fault of each line. Where the text is no YAML, the parser stumbles again and again over what follows. */
function withoutEchoes(faults: readonly PolicyFault[]): readonly PolicyFault[] {
  const firsts = new Map<number, PolicyFault>()
  for (const fault of faults) if (!firsts.has(fault.line)) firsts.set(fault.line, fault)
  return [...firsts.values()].slice(0, syntaxFaultsMax)
}

/** Where that is depends on the machine, so no place is told. */
function tooDeep(): PolicyText {
  return unreadable('nesting too deep to be read', 'a few levels')
}

function unreadable(found: string, wanted: string): PolicyText {
  const fault = { line: 1, column: 1, path: '', found, wanted }
  return { data: undefined, faults: [fault], place: () => fault }
}

function positionOf(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(1, line), column: Math.max(1, col) }
}

/** Where a fault stands in the text: its name or value, or the nearest setting above where it is missing. */
function offsetOf(document: Document.Parsed, { at, point }: UnplacedFault): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const [depth, part] of at.entries()) {
    const container: unknown = isAlias(node) ? node.resolve(document) : node
    if (isMap(container)) {
      const pair = container.items.find(({ key }) => (isScalar(key) ? key.value : key) === part)
      if (pair === undefined) return offset
      offset =
        (depth === at.length - 1 && point === 'value' ? startOf(valueOf(pair)) : undefined) ??
        startOf(pair.key) ??
        offset
      node = pair.value
    } else if (isSeq(container)) {
      node = container.items[part as number]
      if (node === undefined) return offset
      offset = startOf(node) ?? offset
    } else return offset
  }
  return offset
}

/** The value of a pair where it is written; a value that is left out stands where its name is. */
function valueOf(pair: Pair): unknown {
  const { value } = pair
  return isScalar(value) && value.value === null && value.source === '' ? undefined : value
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0]
}
