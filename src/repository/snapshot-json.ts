import type { SnapshotData, SnapshotSummary } from '../model/snapshot.ts'
import { encodeGoString, encodeGoStrings } from './go-json.ts'
import { JsonReader } from './json-reader.ts'

/** JSON of a snapshot, byte for byte as restic writes it. */
export function encodeSnapshot(snapshot: SnapshotData): Buffer {
  const parts = [`"time":"${snapshot.time}"`]
  if (snapshot.parent !== undefined) parts.push(`"parent":"${snapshot.parent}"`)
  parts.push(`"tree":"${snapshot.tree}"`, `"paths":${encodeGoStrings(snapshot.paths)}`)
  for (const key of ['hostname', 'username'] as const) {
    const text = snapshot[key]
    if (text !== undefined && text !== '') parts.push(`"${key}":${encodeGoString(text)}`)
  }
  for (const key of ['uid', 'gid'] as const) {
    const number = snapshot[key]
    if (number !== undefined && number !== 0) parts.push(`"${key}":${number}`)
  }
  for (const key of ['excludes', 'tags'] as const) {
    const texts = snapshot[key]
    if (texts !== undefined && texts.length > 0) parts.push(`"${key}":${encodeGoStrings(texts)}`)
  }
  if (snapshot.original !== undefined) parts.push(`"original":"${snapshot.original}"`)
  if (snapshot.program_version) parts.push(`"program_version":${encodeGoString(snapshot.program_version)}`)
  if (snapshot.summary !== undefined) parts.push(`"summary":${encodeSummary(snapshot.summary)}`)
  return Buffer.from(`{${parts.join(',')}}`)
}

export function decodeSnapshot(bytes: Uint8Array, what: string): SnapshotData {
  const reader = JsonReader.parse(bytes, what)
  const parent = reader.optionalId('parent')
  const original = reader.optionalId('original')
  const hostname = reader.optionalText('hostname')
  const username = reader.optionalText('username')
  const programVersion = reader.optionalText('program_version')
  return {
    time: reader.time('time'),
    ...(parent !== undefined && { parent }),
    tree: reader.id('tree'),
    paths: reader.texts('paths'),
    ...(hostname !== undefined && { hostname }),
    ...(username !== undefined && { username }),
    ...(reader.has('uid') && { uid: reader.count('uid') }),
    ...(reader.has('gid') && { gid: reader.count('gid') }),
    ...(reader.has('excludes') && { excludes: reader.texts('excludes') }),
    ...(reader.has('tags') && { tags: reader.texts('tags') }),
    ...(original !== undefined && { original }),
    ...(programVersion !== undefined && { program_version: programVersion }),
    ...(reader.has('summary') && { summary: decodeSummary(reader.object('summary')) }),
  }
}

/** Members of a summary in the order of restic's structure. */
const summaryCounts = [
  'files_new',
  'files_changed',
  'files_unmodified',
  'dirs_new',
  'dirs_changed',
  'dirs_unmodified',
  'data_blobs',
  'tree_blobs',
  'data_added',
  'data_added_packed',
  'total_files_processed',
  'total_bytes_processed',
] as const satisfies readonly Exclude<keyof SnapshotSummary, 'backup_start' | 'backup_end'>[]

function encodeSummary(summary: SnapshotSummary): string {
  const counts = summaryCounts.map((key) => `"${key}":${summary[key]}`)
  return `{"backup_start":"${summary.backup_start}","backup_end":"${summary.backup_end}",${counts.join(',')}}`
}

function decodeSummary(reader: JsonReader): SnapshotSummary {
  const counts = Object.fromEntries(summaryCounts.map((key) => [key, reader.count(key)])) as Record<
    (typeof summaryCounts)[number],
    number
  >
  return { backup_start: reader.time('backup_start'), backup_end: reader.time('backup_end'), ...counts }
}
