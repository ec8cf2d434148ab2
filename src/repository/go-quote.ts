import { type ByteName, decodeName } from '../base/byte-name.ts'
import { Failure } from '../base/failure.ts'
import { isGoPrintable } from './go-printable.ts'

/**
 * Names of nodes as restic stores them: Go's strconv.Quote without its quotes, so that a name of any bytes fits
 * into JSON. The result is itself put into a JSON string, which escapes the backslashes once more.
 */

/** Printable ASCII without quote and backslash. */
const plain = /^[ !#-[\]-~]*$/

/** The quoted form of a name. */
export function goQuote(name: ByteName): string {
  if (plain.test(name)) return name
  let quoted = ''
  for (const character of name) quoted += quoteCharacter(character)
  return quoted
}

/** The name behind a quoted form; Failure `repository_damaged` where the text is none. */
export function goUnquote(quoted: string): ByteName {
  if (!quoted.includes('\\') && !quoted.includes('"') && !quoted.includes('\n')) return quoted
  const parts: Buffer[] = []
  let end = 0
  escapePattern.lastIndex = 0
  for (const match of quoted.matchAll(escapePattern)) {
    if (match.index !== end) break
    end += match[0].length
    parts.push(bytesOf(match[0], quoted))
  }
  if (end !== quoted.length) throw notQuoted(quoted)
  return decodeName(Buffer.concat(parts))
}

const escapePattern = /[^\\"\n]+|\\x[0-9a-fA-F]{2}|\\[0-3][0-7]{2}|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|\\[abfnrtv\\"]/g

const letterOfCode = new Map([
  [0x07, 'a'],
  [0x08, 'b'],
  [0x09, 't'],
  [0x0a, 'n'],
  [0x0b, 'v'],
  [0x0c, 'f'],
  [0x0d, 'r'],
  [0x22, '"'],
  [0x5c, '\\'],
])
const codeOfLetter = new Map([...letterOfCode].map(([code, letter]) => [letter, code]))

function quoteCharacter(character: string): string {
  const code = character.codePointAt(0)!
  const letter = letterOfCode.get(code)
  if (letter !== undefined) return `\\${letter}`
  if (isGoPrintable(code)) return character
  if (code < 0x20 || code === 0x7f) return `\\x${hexOf(code, 2)}`
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${hexOf(code - 0xdc00, 2)}` // A stray byte, see base/byte-name.ts.
  if (code >= 0xd800 && code <= 0xdfff) return '\ufffd' // Not a ByteName; encodeName() writes U+FFFD for it too.
  return code < 0x10000 ? `\\u${hexOf(code, 4)}` : `\\U${hexOf(code, 8)}`
}

function bytesOf(part: string, quoted: string): Buffer {
  if (part[0] !== '\\') return Buffer.from(part, 'utf8')
  const kind = part[1]!
  const code = codeOfLetter.get(kind)
  if (code !== undefined) return Buffer.of(code)
  if (kind === 'x') return Buffer.of(Number.parseInt(part.slice(2), 16))
  if (kind >= '0' && kind <= '3') return Buffer.of(Number.parseInt(part.slice(1), 8))
  const point = Number.parseInt(part.slice(2), 16)
  if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) throw notQuoted(quoted)
  return Buffer.from(String.fromCodePoint(point), 'utf8')
}

function hexOf(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}

function notQuoted(quoted: string): Failure {
  return new Failure(
    'repository_damaged',
    `Cannot read name ${JSON.stringify(quoted)}: it is not quoted as restic quotes`,
  )
}
