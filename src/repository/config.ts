import { Failure } from '../base/failure.ts'
import type { Id } from '../model/id.ts'
import { JsonReader } from './json-reader.ts'

/** The repository format versions that this program reads; it makes new repositories of either. */
export const repositoryVersions = [1, 2] as const
export type RepositoryVersion = (typeof repositoryVersions)[number]

/** What the object "config" holds. */
export interface RepositoryConfig {
  readonly version: RepositoryVersion
  /** Random; names the repository wherever it lies. */
  readonly id: Id
  /** For restic's own chunker: a polynomial over GF(2), one bit a coefficient. */
  readonly chunkerPolynomial: bigint
}

export function encodeConfig(config: RepositoryConfig): Buffer {
  const { version, id, chunkerPolynomial } = config
  return Buffer.from(`{"version":${version},"id":"${id}","chunker_polynomial":"${chunkerPolynomial.toString(16)}"}`)
}

/** Failure `repository_unsupported` for a version that this program does not know. */
export function decodeConfig(bytes: Uint8Array): RepositoryConfig {
  const reader = JsonReader.parse(bytes, "the repository's config")
  const number = reader.count('version')
  const version = repositoryVersions.find((known) => known === number)
  if (version === undefined) {
    throw new Failure(
      'repository_unsupported',
      `Cannot open the repository: its format version is ${number}, expected 1 or 2`,
    )
  }
  const polynomial = reader.text('chunker_polynomial')
  if (!/^[0-9a-f]{1,16}$/i.test(polynomial)) throw reader.unexpected('chunker_polynomial', '1 to 16 hexadecimal digits')
  return { version, id: reader.id('id'), chunkerPolynomial: BigInt(`0x${polynomial}`) }
}
