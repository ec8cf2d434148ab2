import { errorCode } from '../base/error-code.ts'
import { Failure } from '../base/failure.ts'

/** Nobody's passphrase is longer. */
const secretBytesMax = 64 * 1024

/** Where secrets are looked for. */
export interface SecretPlaces {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The bytes of a file; rejects with the system's error where it can not be read. */
  readonly readFile: (path: string) => Promise<Uint8Array>
}

/**
 * The secret that a reference of the policy stands for: `env:NAME`, a variable of the environment, or `file:PATH`, the text
 * of a file without the newline at its end. Failure `secret_missing` where it is absent or empty, `usage` for what is no
 * reference; the secret itself is in no message.
 */
export async function resolveSecret(reference: string, places: SecretPlaces): Promise<string> {
  const [, kind, name] = /^(env|file):(.+)$/s.exec(reference) ?? []
  if (kind === 'env') return fromEnvironment(name!, places)
  if (kind === 'file') return fromFile(name!, places)
  // What was given may be the secret itself, so it is not repeated.
  throw new Failure('usage', 'Cannot find a secret: its reference is neither "env:NAME" nor "file:PATH"')
}

function fromEnvironment(name: string, { environment }: SecretPlaces): string {
  const secret = environment[name]
  if (secret !== undefined && secret !== '') return secret
  const found = secret === undefined ? 'it is not set' : 'it is empty'
  throw new Failure('secret_missing', `Cannot read secret from environment variable "${name}": ${found}`, {
    facts: { hint: `Set ${name} in the environment of this program, or refer to a file by "file:PATH"` },
  })
}

async function fromFile(path: string, { readFile }: SecretPlaces): Promise<string> {
  const missing = (found: string, cause?: unknown): Failure =>
    new Failure('secret_missing', `Cannot read secret from file "${path}": ${found}`, {
      facts: { hint: 'Write the secret into this file, with mode 0600, for the user that runs this program' },
      cause,
    })
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (cause) {
    const code = errorCode(cause)
    throw missing(code === 'ENOENT' ? 'there is no such file' : `it can not be read (${code ?? 'unknown'})`, cause)
  }
  if (bytes.length > secretBytesMax) throw missing(`it has ${bytes.length} bytes, expected at most ${secretBytesMax}`)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)
  } catch {
    throw missing('it is not UTF-8 text') // The cause may quote it.
  }
  const secret = text.replace(/\r?\n$/, '')
  if (secret === '') throw missing('it is empty')
  return secret
}
