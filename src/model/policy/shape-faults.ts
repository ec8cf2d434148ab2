import type { z } from 'zod'
import type { UnplacedFault } from './policy-fault.ts'
import { foundValue, quotedText } from './found-value.ts'
import { nearestWord } from './nearest-word.ts'
import { policySchema } from './policy.ts'

type Issue = z.core.$ZodIssue
type RawIssue = z.core.$ZodRawIssue

/** Everything in which plain data is not of the shape of a policy. */
export function shapeFaults(data: unknown): UnplacedFault[] {
  // What may stand in a place, by the sentence that says so: for hints.
  const choices = new Map<string, readonly string[]>()
  const error = (issue: RawIssue): string => {
    const { wanted, words } = wantedBy(issue)
    if (words !== undefined) choices.set(wanted, words)
    return wanted
  }
  const result = policySchema.safeParse(data, { error })
  if (result.success) return []
  return result.error.issues.flatMap((issue) => faultsOfIssue(issue, [], data, choices))
}

/** What a place wants, as it follows "expected", and the words that it takes where they can be listed. */
function wantedBy(issue: RawIssue): { readonly wanted: string; readonly words?: readonly string[] } {
  switch (issue.code) {
    case 'invalid_type':
      return { wanted: kinds[issue.expected as string] ?? String(issue.expected) }
    case 'invalid_value': {
      const words = (issue.values as readonly unknown[]).map(String)
      const shown = (issue.values as readonly unknown[]).map((value) => JSON.stringify(value))
      return { wanted: shown.length === 1 ? shown[0]! : `one of ${shown.join(', ')}`, words }
    }
    case 'unrecognized_keys': {
      const words = knownNames(issue.inst)
      return { wanted: `one of ${words.join(', ')}`, words }
    }
    case 'too_small':
      if (issue.origin === 'array') return { wanted: 'at least one entry' }
      if (issue.origin === 'string') return { wanted: 'text with something in it' }
      return { wanted: `a whole number of at least ${issue.minimum}` }
    case 'too_big':
      return { wanted: `a whole number of at most ${issue.maximum}` }
    default:
      return { wanted: 'something else' }
  }
}

const kinds: Readonly<Record<string, string>> = {
  object: 'a map of settings',
  record: 'a map of names and settings',
  array: 'a list',
  string: 'text',
  int: 'a whole number',
  number: 'a whole number',
  boolean: 'true or false',
}

/** The names that a map of the schema takes. */
function knownNames(schema: unknown): readonly string[] {
  const { def } = (schema as z.ZodType)._zod
  if (def.type === 'object') return Object.keys((def as z.core.$ZodObjectDef).shape)
  if (def.type === 'record') return [...((def as z.core.$ZodRecordDef).keyType._zod.values ?? [])].map(String)
  return []
}

function faultsOfIssue(
  issue: Issue,
  above: readonly (string | number)[],
  data: unknown,
  choices: ReadonlyMap<string, readonly string[]>,
): UnplacedFault[] {
  const at = [...above, ...(issue.path as (string | number)[])]
  const value = valueAt(data, at)
  const wanted = issue.message
  const words = choices.get(wanted)
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((name) => {
        const hint = didYouMean(name, words)
        return { at: [...at, name], point: 'name', found: 'a setting that does not exist', wanted, hint }
      })
    case 'invalid_key': {
      const name = String(at.at(-1))
      return [{ at, point: 'name', found: quotedText(name), wanted: issue.issues[0]!.message, hint: nameHint(name) }]
    }
    case 'invalid_union': {
      const nested = nearestOption(issue.errors, value)
      if (nested !== undefined) return nested.flatMap((one) => faultsOfIssue(one, at, data, choices))
      const options = 'options' in issue ? (issue.options as readonly string[]) : undefined
      return [{ at, point: 'value', found: foundValue(value, at), wanted, hint: didYouMean(value, options) }]
    }
    default:
      return [{ at, point: 'value', found: foundValue(value, at), wanted, hint: valueHint(value, at, wanted, words) }]
  }
}

/**
 * The faults against the option of a union that the writer most likely meant: the one with fewest. Undefined where
 * none is likelier than another, or the value is not even of the kind of any.
 */
function nearestOption(options: readonly Issue[][], value: unknown): readonly Issue[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const likely = options.filter((issues) => !isOtherKind(issues))
  const sorted = likely.toSorted((a, b) => a.length - b.length)
  if (sorted.length === 0 || sorted[0]!.length === sorted[1]?.length) return undefined
  return sorted[0]
}

function isOtherKind(issues: readonly Issue[]): boolean {
  return issues.some(({ code, path }) => path.length === 0 && (code === 'invalid_type' || code === 'invalid_value'))
}

function valueHint(
  value: unknown,
  at: readonly (string | number)[],
  wanted: string,
  words: readonly string[] | undefined,
): string | undefined {
  const isNumber = typeof value === 'number'
  if (isNumber && wanted.startsWith('a length of time')) return `write a unit: "${value} days"`
  if (wanted.startsWith('a length of time')) return lengthHint(value)
  if (wanted.startsWith('a time of day')) return timeHint(value)
  if (wanted === 'text' && (isNumber || typeof value === 'boolean')) return 'put it in quotes'
  if (wanted === 'a list' && typeof value === 'string') return 'write it as a list: [ … ]'
  const isQuoted = typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)
  if (isQuoted && (wanted.startsWith('a whole number') || wanted === 'a number')) return 'without quotes'
  if (at.at(-1) === 'encrypted') return 'everything that is stored is encrypted'
  return didYouMean(value, words)
}

/** "4Weeks", "4 weks" or "4 months" for a length of time. */
function lengthHint(value: unknown): string | undefined {
  const [, count, word] = /^\s*(\d+)\s*([a-z]+)\s*$/i.exec(typeof value === 'string' ? value : '') ?? []
  if (count === undefined || word === undefined) return undefined
  if (/^months?$/i.test(word)) return 'months differ in length: count weeks or days'
  if (/^years?$/i.test(word)) return 'years differ in length: count weeks or days'
  if (Number(count) < 1) return 'it must not be nothing'
  const unit = abbreviations[word.toLowerCase()] ?? nearestWord(word, ['seconds', 'minutes', 'hours', 'days', 'weeks'])
  return unit === undefined ? undefined : `did you mean "${Number(count)} ${unit}"?`
}

const abbreviations: Readonly<Record<string, string>> = {
  hr: 'hours',
  hrs: 'hours',
  mins: 'minutes',
  secs: 'seconds',
  wk: 'weeks',
  wks: 'weeks',
}

/** "2:00" or "02:00:00" for a time of day. */
function timeHint(value: unknown): string | undefined {
  const [, hour, minute] = /^(\d{1,2}):(\d{1,2})(?::00)?$/.exec(typeof value === 'string' ? value : '') ?? []
  if (hour === undefined || Number(hour) > 23 || Number(minute) > 59) return undefined
  return `did you mean "${hour.padStart(2, '0')}:${minute!.padStart(2, '0')}"?`
}

function nameHint(name: string): string | undefined {
  const better = name
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[-_]+|-+$/g, '')
    .slice(0, 63)
  return better === '' || better === name ? undefined : `did you mean "${better}"?`
}

function didYouMean(written: unknown, words: readonly string[] | undefined): string | undefined {
  const word = typeof written === 'string' && words !== undefined ? nearestWord(written, words) : undefined
  return word === undefined || word === written ? undefined : `did you mean "${word}"?`
}

/** The part of plain data at a path, undefined where there is none. */
export function valueAt(data: unknown, at: readonly (string | number)[]): unknown {
  return at.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, part)
        ? (value as Record<string | number, unknown>)[part]
        : undefined,
    data,
  )
}
