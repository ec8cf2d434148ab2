import { z } from 'zod'
import { Failure } from '../base/failure.ts'
import type { Manifest } from './manifest.ts'

/** The attachment of a snapshot that holds its manifest. */
export const manifestName = 'manifest.json'

const digest = z.string().regex(/^[0-9a-f]{64}$/)
const count = z.int().min(0)

const tableSchema = z.strictObject({
  name: z.string(),
  rows: count,
  digest: digest.nullable(),
  sampled: z.string().exactOptional(),
})

const manifestSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    version: z.literal(1),
    kind: z.literal('files'),
    files: count,
    directories: count,
    symlinks: count,
    others: count,
    bytes: count,
    digest,
  }),
  z.strictObject({
    version: z.literal(1),
    kind: z.literal('sqlite'),
    schemaDigest: digest,
    userVersion: z.int(),
    applicationId: z.int(),
    pageSize: count,
    pages: count,
    tables: z.array(tableSchema),
  }),
  z.strictObject({
    version: z.literal(1),
    kind: z.literal('postgresql'),
    serverVersion: count,
    systemIdentifier: z.string(),
    rowDigest: z.enum(['seeds', 'columns']).exactOptional(),
    databases: z.array(
      z.strictObject({
        name: z.string(),
        properties: z.array(z.string()).exactOptional(),
        schemaDigest: digest,
        extensions: z.array(z.strictObject({ name: z.string(), version: z.string() })),
        tables: z.array(tableSchema),
        sequences: z.array(z.strictObject({ name: z.string(), value: z.string(), isCalled: z.boolean() })),
      }),
    ),
    roles: z.array(z.string()),
    view: z.discriminatedUnion('state', [
      z.strictObject({ state: z.literal('exact'), restorePoint: z.string(), lsn: z.string() }),
      z.strictObject({
        state: z.literal('bounded'),
        restorePoint: z.string(),
        lsn: z.string(),
        transactions: z.array(z.string()),
      }),
      z.strictObject({ state: z.literal('snapshot') }),
    ]),
  }),
]) satisfies z.ZodType<Manifest>

/** The manifest as it is stored. Equal manifests give equal bytes: members are sorted by name, and no more is said than is known. */
export function encodeManifest(manifest: Manifest): Buffer {
  return encodeCanonical(manifest)
}

/** Failure `repository_damaged` where the bytes are no manifest, `repository_unsupported` where its version is a later one. */
export function decodeManifest(bytes: Uint8Array, what = 'a manifest'): Manifest {
  const found = parse(bytes, what)
  const version: unknown = typeof found === 'object' && found !== null && 'version' in found ? found.version : undefined
  if (typeof version === 'number' && version > 1) {
    throw new Failure('repository_unsupported', `Cannot read ${what}: its version is ${version}, expected 1`)
  }
  const parsed = manifestSchema.safeParse(found)
  if (parsed.success) return parsed.data
  throw new Failure('repository_damaged', `Cannot read ${what}: ${z.prettifyError(parsed.error).replace(/\s+/g, ' ')}`)
}

/** JSON with the members of every object sorted by name, and a line feed at the end. */
export function encodeCanonical(value: unknown): Buffer {
  const text = JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
  })
  return Buffer.from(`${text}\n`, 'utf8')
}

function parse(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
  } catch (cause) {
    throw new Failure('repository_damaged', `Cannot read ${what}: it is not JSON`, { cause })
  }
}
