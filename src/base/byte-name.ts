import { isUtf8 } from 'node:buffer'

/**
 * Names of files are bytes; nearly all are UTF-8. A ByteName holds such bytes in a JavaScript string: valid
 * UTF-8 as itself, each other byte 0xNN as the lone surrogate U+DCNN (the scheme of Python's PEP 383,
 * "surrogateescape"). decodeName() and encodeName() are inverse to each other for every sequence of bytes.
 */
export type ByteName = string

/** The name that these bytes stand for. */
export function decodeName(bytes: Uint8Array): ByteName {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (isUtf8(buffer)) return buffer.toString('utf8')
  let text = ''
  for (let at = 0; at < buffer.length; ) {
    const length = validSequenceLength(buffer, at)
    if (length === 0) {
      text += String.fromCharCode(0xdc00 + buffer[at]!)
      at += 1
    } else {
      text += buffer.toString('utf8', at, at + length)
      at += length
    }
  }
  return text
}

/** The bytes of a name. A lone surrogate that is not U+DC80 to U+DCFF can not come from decodeName(); it is written as U+FFFD. */
export function encodeName(name: ByteName): Buffer {
  if (name.isWellFormed()) return Buffer.from(name, 'utf8')
  const parts: Buffer[] = []
  for (const character of name) {
    const code = character.codePointAt(0)!
    parts.push(code >= 0xdc80 && code <= 0xdcff ? Buffer.of(code - 0xdc00) : Buffer.from(character, 'utf8'))
  }
  return Buffer.concat(parts)
}

/** Order of names by their bytes, as restic sorts the nodes of a tree. */
export function compareNames(a: ByteName, b: ByteName): number {
  if (isAscii(a) && isAscii(b)) return a < b ? -1 : a > b ? 1 : 0
  return Buffer.compare(encodeName(a), encodeName(b))
}

/** A name as a person may read it: control characters and stray bytes are shown as \xNN. */
export function printableName(name: ByteName): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
  return name.replace(/[\u0000-\u001f\u007f]|\p{Surrogate}/gu, (character) => {
    const code = character.codePointAt(0)!
    return `\\x${(code >= 0xdc00 ? code - 0xdc00 : code).toString(16).padStart(2, '0')}`
  })
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false
  return true
}

/** Length of the valid UTF-8 sequence at `at`, 0 where there is none. */
function validSequenceLength(bytes: Buffer, at: number): number {
  const first = bytes[at]!
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
  if (length === 0 || at + length > bytes.length) return 0
  return isUtf8(bytes.subarray(at, at + length)) ? length : 0
}
