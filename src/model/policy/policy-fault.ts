import { Failure } from '../../base/failure.ts'
import { quotedText } from './found-value.ts'

/** One thing that is wrong in a policy file. Never holds a secret. */
export interface PolicyFault {
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 units. */
  readonly column: number
  /** The setting: "sources.documents.paths[0]"; empty for the file as a whole. */
  readonly path: string
  readonly found: string
  readonly wanted: string
  readonly hint?: string
}

/** A fault before its place in the text is known. */
export interface UnplacedFault {
  /** Names of maps and numbers of lists, from the root. */
  readonly at: readonly (string | number)[]
  /** Whether it is the name or its value that is wrong. */
  readonly point: 'name' | 'value'
  readonly found: string
  readonly wanted: string
  readonly hint?: string | undefined
}

/** Nobody reads more of them at once. */
const faultsShownMax = 100

/** So many are told of one file: what has more is no policy with faults, but something else. */
export const faultsMax = 1000

/** Failure `policy_invalid` with every fault of the file. Its message lists them, one a line, as compilers do. */
export class PolicyFailure extends Failure {
  readonly fileName: string
  readonly faults: readonly PolicyFault[]

  constructor(fileName: string, faults: readonly PolicyFault[]) {
    const more = faults.length < faultsMax ? '' : ' or more'
    const count = `${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}${more}`
    const lines = faults.slice(0, faultsShownMax).map((fault) => `  ${faultText(fileName, fault)}`)
    if (faults.length > faultsShownMax) lines.push(`  and ${faults.length - faultsShownMax} more`)
    super('policy_invalid', [`Cannot use policy "${fileName}": it has ${count}`, ...lines].join('\n'), {
      facts: { fileName, faultCount: faults.length },
    })
    this.fileName = fileName
    this.faults = faults
  }
}

/** A fault as one line: `policy.yaml:3:14: environment: found "prod", expected one of … (did you mean "production"?)`. */
export function faultText(fileName: string, { line, column, path, found, wanted, hint }: PolicyFault): string {
  const place = path === '' ? '' : ` ${path}:`
  const more = hint === undefined ? '' : ` (${hint})`
  return `${fileName}:${line}:${column}:${place} found ${found}, expected ${wanted}${more}`
}

/** The name of a setting as it is written in messages; a part that is no plain word stands in quotes. */
export function settingName(at: readonly (string | number)[]): string {
  return at
    .map((part, depth) => {
      if (typeof part === 'number') return `[${part}]`
      const word = /^[\w-]{1,80}$/.test(part) ? part : quotedText(part)
      return depth === 0 ? word : `.${word}`
    })
    .join('')
}
