import { InvalidArgumentError } from '@commander-js/extra-typings'
import { type SourceKind, sourceKinds } from '../../model/policy/policy.ts'

/** A source as it is typed: `files:NAME=PATH`, `sqlite:NAME=PATH`, `postgresql:NAME=URL`. */
export interface TypedSource {
  readonly kind: SourceKind
  readonly name: string
  /** A path or a URL. */
  readonly what: string
}

/** Argument parser of --source, which may be given several times. Throws InvalidArgumentError. */
export function collectSource(text: string, before: readonly TypedSource[] | undefined): TypedSource[] {
  return [...(before ?? []), parseSource(text)]
}

/** Reads one source. Throws InvalidArgumentError, which never shows what may hold a password. */
export function parseSource(text: string): TypedSource {
  const [, kind, name, what] = /^([a-z]+):([^=]*)=(.+)$/s.exec(text) ?? []
  const known = sourceKinds.find((one) => one === kind)
  if (known === undefined || name === undefined || what === undefined) {
    throw new InvalidArgumentError('Expected files:NAME=PATH, sqlite:NAME=PATH or postgresql:NAME=URL.')
  }
  return { kind: known, name, what }
}
