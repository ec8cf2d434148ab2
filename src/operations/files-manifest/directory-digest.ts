import { createHash, hash } from 'node:crypto'
import { type ByteName, encodeName } from '../../base/byte-name.ts'
import { permissionsOfGoMode } from '../../model/file-mode.ts'
import type { Id } from '../../model/id.ts'
import type { FilesManifest } from '../../model/manifest.ts'
import type { Node } from '../../model/node.ts'

/** What the manifest of files says of one entry, whether it comes from a snapshot or from a disk. */
export type EntryFacts =
  | { readonly type: 'file'; readonly mode: number; readonly size: number; readonly content: string }
  | { readonly type: 'dir'; readonly mode: number }
  | { readonly type: 'symlink'; readonly target: ByteName }
  | { readonly type: 'dev' | 'chardev'; readonly mode: number; readonly device: string }
  | { readonly type: 'fifo' | 'socket' | 'irregular'; readonly mode: number }

/**
 * The digest of a directory, bit by bit: SHA-256 over its entries in the order of their names' bytes (docs/format.md says what an
 * entry is). Owners and times are not in it: they are the restoring user's, and the file system's, to keep.
 */
export class DirectoryDigest {
  readonly #digest = createHash('sha256')

  /** `below`: of a directory, its own digest. */
  add(name: ByteName, facts: EntryFacts, below?: string): void {
    this.#digest.update(encodeName(`${name}\0${entryText(facts, below)}\0\n`))
  }

  end(): string {
    return this.#digest.digest('hex')
  }
}

/** The digest of a file's content: SHA-256 over the ids of its chunks, 32 bytes each. */
export function contentDigest(ids: readonly Id[]): string {
  return hash('sha256', Buffer.from(ids.join(''), 'hex'))
}

/** What a node of a snapshot says. */
export function factsOfNode(node: Node): EntryFacts {
  const mode = permissionsOfGoMode(node.mode ?? 0)
  switch (node.type) {
    case 'file':
      return { type: 'file', mode, size: node.size ?? 0, content: contentDigest(node.content ?? []) }
    case 'dir':
      return { type: 'dir', mode }
    case 'symlink':
      return { type: 'symlink', target: node.linktarget ?? '' }
    case 'dev':
    case 'chardev':
      return { type: node.type, mode, device: String(node.device ?? 0) }
    case 'fifo':
    case 'socket':
    case 'irregular':
      return { type: node.type, mode }
    default:
      return node.type satisfies never
  }
}

/** In what an entry is another than it should be; none where it is as it should be. */
export function factDifferences(expected: EntryFacts, found: EntryFacts): string[] {
  if (expected.type !== found.type) return [`it is a ${found.type}, expected a ${expected.type}`]
  const wanted: Readonly<Record<string, string | number>> = expected
  const is: Readonly<Record<string, string | number>> = found
  return Object.keys(wanted)
    .filter((key) => wanted[key] !== is[key])
    .map((key) => {
      if (key === 'content') return 'its content is another'
      const show = (value: string | number | undefined): string =>
        key === 'mode' ? Number(value).toString(8) : JSON.stringify(value)
      return `its ${key} is ${show(is[key])}, expected ${show(wanted[key])}`
    })
}

/** Counts what a manifest counts. */
export class EntryCounts {
  #files = 0
  #directories = 0
  #symlinks = 0
  #others = 0
  #bytes = 0

  add(facts: EntryFacts): void {
    if (facts.type === 'file') {
      this.#files++
      this.#bytes += facts.size
    } else if (facts.type === 'dir') this.#directories++
    else if (facts.type === 'symlink') this.#symlinks++
    else this.#others++
  }

  manifest(digest: string): FilesManifest {
    return {
      version: 1,
      kind: 'files',
      files: this.#files,
      directories: this.#directories,
      symlinks: this.#symlinks,
      others: this.#others,
      bytes: this.#bytes,
      digest,
    }
  }
}

function entryText(facts: EntryFacts, below: string | undefined): string {
  switch (facts.type) {
    case 'file':
      return `file\0${facts.mode.toString(8)}\0${facts.size}\0${facts.content}`
    case 'dir':
      return `dir\0${facts.mode.toString(8)}\0${below ?? ''}`
    case 'symlink':
      return `symlink\0${facts.target}`
    case 'dev':
    case 'chardev':
      return `${facts.type}\0${facts.mode.toString(8)}\0${facts.device}`
    case 'fifo':
    case 'socket':
    case 'irregular':
      return `${facts.type}\0${facts.mode.toString(8)}`
    default:
      return facts satisfies never
  }
}
