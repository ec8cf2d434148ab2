import { readFile } from 'node:fs/promises'
import { type ByteName, decodeName } from '../../base/byte-name.ts'
import { errorCode } from '../../base/error-code.ts'
import { Failure } from '../../base/failure.ts'
import { expandPattern, hasMagic } from './expand-pattern.ts'
import type { InputStream } from '../world.ts'

/** A list of paths longer than this is a slip: it would be some ten million paths. */
const listBytesMax = 1024 * 1024 * 1024

/**
 * How the paths stand in a file: `patterns` one a line, with blanks at the ends, empty lines and comments left out,
 * and *, ? and [ expanded; `verbatim` one a line; `raw` each followed by a zero byte, so that any name can be given.
 */
export type PathListForm = 'patterns' | 'verbatim' | 'raw'

/** The paths that a file lists; "-" stands for stdin. Failure `usage` where it can not be read. */
export async function readPathList(path: string, form: PathListForm, stdin: InputStream): Promise<ByteName[]> {
  const bytes = path === '-' ? await readAll(stdin) : await readListFile(path)
  if (form === 'raw') return split(bytes, 0)
  const lines = split(bytes, 0x0a).map((line) => line.replace(/\r$/, ''))
  if (form === 'verbatim') return lines.filter((line) => line !== '')
  const patterns = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'))
  const found: ByteName[] = []
  for (const pattern of patterns) found.push(...(await expand(pattern)))
  return found
}

async function expand(pattern: string): Promise<readonly ByteName[]> {
  if (!hasMagic(pattern)) return [pattern]
  const found = await expandPattern(pattern)
  if (found.length > 0) return found
  throw new Failure('usage', `Cannot back up "${pattern}": no path matches it`)
}

async function readListFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    const found = errorCode(cause) === 'ENOENT' ? 'there is no such file' : 'it can not be read'
    throw new Failure('usage', `Cannot read list of paths "${path}": ${found}`, { cause })
  }
}

async function readAll(stdin: InputStream): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stdin) {
    chunks.push(Buffer.from(chunk))
    bytes += chunk.length
    if (bytes > listBytesMax) throw new Failure('usage', 'Cannot read the list of paths from stdin: it is too long')
  }
  return Buffer.concat(chunks)
}

function split(bytes: Buffer, separator: number): ByteName[] {
  const parts: ByteName[] = []
  for (let start = 0; start < bytes.length; ) {
    const at = bytes.indexOf(separator, start)
    const end = at < 0 ? bytes.length : at
    if (end > start) parts.push(decodeName(bytes.subarray(start, end)))
    start = end + 1
  }
  return parts
}
