import { isAbsolute } from 'node:path'
import { Failure } from '../../../base/failure.ts'

/** What `restore` takes besides, with --into. */
export interface RecoveryOptions {
  readonly timeline?: string | undefined
  readonly owner?: string | undefined
  readonly tablespaceMap?: readonly string[] | undefined
  /** False with --no-start only. */
  readonly start?: boolean | undefined
  readonly promote?: true | undefined
  readonly pause?: true | undefined
}

/** Failure `usage` where something is asked for that has a meaning with --into only. */
export function requireNoRecoveryOptions(options: RecoveryOptions): void {
  const given = [
    ...(options.timeline === undefined ? [] : ['--timeline']),
    ...(options.owner === undefined ? [] : ['--owner']),
    ...(options.tablespaceMap === undefined ? [] : ['--tablespace-map']),
    ...(options.start === false ? ['--no-start'] : []),
    ...(options.promote === undefined ? [] : ['--promote']),
    ...(options.pause === undefined ? [] : ['--pause']),
  ]
  if (given.length === 0) return
  throw new Failure('usage', `Cannot restore with ${given.join(', ')}: that needs --into, with which --to is a time`)
}

/** Failure `usage`. */
export function parseTimeline(text: string | undefined): 'latest' | number {
  if (text === undefined || text === 'latest') return 'latest'
  const number = Number(text)
  if (/^\d{1,10}$/.test(text) && number >= 1 && number < 2 ** 32) return number
  throw new Failure('usage', `Cannot follow timeline "${text}": expected "latest", or a number from 1 on`)
}

/** From "OLD=NEW". Failure `usage`. */
export function parseTablespaceMap(texts: readonly string[] | undefined): ReadonlyMap<string, string> {
  return new Map(
    (texts ?? []).map((text) => {
      const at = text.indexOf('=')
      const [old, now] = [text.slice(0, at), text.slice(at + 1)]
      if (at > 0 && isAbsolute(now)) return [old, now]
      throw new Failure('usage', `Cannot map a tablespace by "${text}": expected OLD=NEW, NEW an absolute path`)
    }),
  )
}

/** The source of `restore postgresql NAME` and of `restore NAME`: both are written. Failure `usage`. */
export function sourceOfWords([first, second]: readonly [string, string], sources: readonly string[]): string {
  if (second === 'latest') return first
  if (first === 'postgresql') return second
  const known = sources.includes(first) ? `"${first}" is recovered from whichever backup is right for the target` : ''
  throw new Failure('usage', `Cannot recover "${first}" from "${second}" to a point in time: name no backup`, {
    facts: { hint: known || 'Write `restore postgresql <source> --to <target> --into <folder>`' },
  })
}
