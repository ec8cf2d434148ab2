import { Failure } from '../base/failure.ts'

/** SHA-256 of what it names, as 64 lower-case hexadecimal digits: the name of a blob, pack, index, snapshot, lock or key. */
export type Id = string

export const idBytes = 32

/** Says whether the text has the form of an Id. */
export function isId(text: string): text is Id {
  return /^[0-9a-f]{64}$/.test(text)
}

/** The Id itself; Failure `repository_damaged` where the text has not the form of one. */
export function parseId(text: unknown, what: string): Id {
  if (typeof text === 'string' && isId(text)) return text
  throw new Failure(
    'repository_damaged',
    `Cannot read ${what}: id is ${JSON.stringify(text)}, expected 64 hexadecimal digits`,
  )
}
