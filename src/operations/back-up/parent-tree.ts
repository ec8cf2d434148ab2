import type { ByteName } from '../../base/byte-name.ts'
import type { Node } from '../../model/node.ts'
import { decodeTree } from '../../repository/tree-json.ts'

const head = '{"nodes":['

/**
 * The tree of a directory in the parent snapshot, read for one question: is this entry still exactly as it was?
 *
 * What stat(2) knows of an entry, encoded, is the beginning of its node's JSON. Where the parent's text goes on with
 * that very beginning, the entry is unchanged (size, mtime, ctime, inode and all else agree) and the rest of the node,
 * its content, link target and extended attributes, is taken over as it stands; ctime vouches for these. So nothing
 * is parsed for a directory in which nothing changed.
 */
export class ParentTree {
  readonly #bytes: Uint8Array
  readonly #text: string
  #at: number
  #isCanonical: boolean
  #isWholeTaken = true
  #nodes: Map<ByteName, Node> | undefined

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
    this.#at = head.length
    this.#isCanonical = this.#text.startsWith(head)
  }

  /**
   * The JSON of the node of this name where it begins with `beginning`: all that stat(2) knows, as encodeNode()
   * writes it. Undefined where it does not, or there is none. Ask in the order of the names' bytes, once a name.
   */
  next(name: ByteName, beginning: string): string | undefined {
    const node = this.#isCanonical ? this.#take(name, beginning) : undefined
    if (node === undefined) this.#isWholeTaken = false
    return node
  }

  /** Whether every node was taken over by next(), so that the tree as a whole is unchanged but for its subtrees. */
  get isWholeTaken(): boolean {
    return this.#isCanonical && this.#isWholeTaken && this.#text.startsWith(']', this.#at)
  }

  /** The node of that name, decoded. */
  find(name: ByteName): Node | undefined {
    this.#nodes ??= new Map(decodeTree(this.#bytes).nodes.map((node) => [node.name, node]))
    return this.#nodes.get(name)
  }

  #take(name: ByteName, beginning: string): string | undefined {
    const text = this.#text
    if (!text.startsWith(beginning, this.#at)) {
      const nameEnd = beginning.indexOf('","type":"') // Within a name quotes are escaped.
      const named = beginning.slice(0, nameEnd + 10)
      if (!text.startsWith(named, this.#at)) {
        if (this.find(name) === undefined) return undefined // New: the parent's next node is still to come.
        const at = text.indexOf(named, this.#at) // Nodes in between are gone from the directory.
        this.#isWholeTaken = false
        this.#isCanonical = at > 0
        if (at < 0) return undefined
        this.#at = at
      }
    }
    const start = this.#at
    const end = this.#endOfNode(start)
    if (end < 0) {
      this.#isCanonical = false
      return undefined
    }
    this.#at = text.charCodeAt(end) === comma ? end + 1 : end
    return text.startsWith(beginning, start) ? text.slice(start, end) : undefined
  }

  /** Where the node ends that begins at `start`; -1 where the text is not as restic writes it. */
  #endOfNode(start: number): number {
    const text = this.#text
    // Quotes inside of JSON strings are escaped, so this does not stand within a name or a value.
    const content = text.indexOf('"content":', start) + 10
    if (content < 10) return -1
    const end = text.charCodeAt(content) === openBracket ? text.indexOf(']', content) + 1 : this.#endOfNull(content)
    if (end <= 0 || text.charCodeAt(end) !== closeBrace) return -1 // Such as a node with an error, of old restic.
    const isLast = text.charCodeAt(end + 1) === closeBracket
    return isLast || text.startsWith(nextBeginning, end + 1) ? end + 1 : -1
  }

  /** Where the value of "content" ends that is null, and a directory's subtree behind it. */
  #endOfNull(content: number): number {
    if (!this.#text.startsWith('null', content)) return -1
    const end = content + 4
    return this.#text.startsWith(subtreeBeginning, end) ? end + subtreeBeginning.length + 65 : end
  }
}

const nextBeginning = ',{"name":"'
const subtreeBeginning = ',"subtree":"'
const comma = 0x2c
const openBracket = 0x5b
const closeBrace = 0x7d
const closeBracket = 0x5d

/** The ids of a node's content, as they stand in its JSON; none where it has none. */
export function contentIds(json: string): string[] {
  const start = json.lastIndexOf('"content":[')
  if (start < 0) return []
  const ids: string[] = []
  for (let at = json.indexOf('"', start + 11); at >= 0 && json.charCodeAt(at + 65) === 0x22; at += 67) {
    ids.push(json.slice(at + 1, at + 65))
  }
  return ids
}

/** The id of a directory's subtree, as it stands in its node's JSON. */
export function subtreeId(json: string): string | undefined {
  const start = json.lastIndexOf('"subtree":"')
  return start < 0 ? undefined : json.slice(start + 11, start + 75)
}
