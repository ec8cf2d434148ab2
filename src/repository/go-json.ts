/**
 * Strings as Go's encoding/json writes them. Names of objects are hashes of such text, so every byte counts:
 * `<`, `>`, `&`, U+2028 and U+2029 are escaped, and each byte that is not UTF-8 becomes the text \ufffd.
 */

/** Printable ASCII without the characters that need an escape: nearly every string of a repository. */
const plain = /^[ !#-%'-;=?-[\]-~]*$/

/** The text in double quotes. Stray bytes of a ByteName (lone surrogates) are replaced, as Go replaces them. */
export function encodeGoString(text: string): string {
  if (plain.test(text)) return `"${text}"`
  return `"${text.replace(special, escapeCharacter)}"`
}

/** A list of strings; Go writes null for a list that was never made, and that is the caller's to decide. */
export function encodeGoStrings(texts: readonly string[]): string {
  return `[${texts.map(encodeGoString).join(',')}]`
}

/** Base64 of bytes in double quotes. */
export function encodeGoBytes(bytes: Uint8Array): string {
  return `"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}"`
}

/** JSON of any plain value as Go writes a map: keys of objects sorted by their bytes, strings escaped as above. */
export function encodeGoValue(value: unknown): string {
  if (typeof value === 'string') return encodeGoString(value)
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return `[${value.map(encodeGoValue).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const members = Object.entries(value).map(([key, member]) => `${encodeGoString(key)}:${encodeGoValue(member)}`)
  return `{${members.join(',')}}`
}

// oxlint-disable-next-line no-control-regex -- control characters are what this looks for
const special = /[\u0000-\u001f"&<>\\\u2028\u2029]|\p{Surrogate}/gu

function escapeCharacter(character: string): string {
  switch (character) {
    case '"':
      return '\\"'
    case '\\':
      return '\\\\'
    case '\b':
      return '\\b'
    case '\f':
      return '\\f'
    case '\n':
      return '\\n'
    case '\r':
      return '\\r'
    case '\t':
      return '\\t'
    default: {
      const code = character.charCodeAt(0)
      return code >= 0xd800 && code <= 0xdfff ? '\\ufffd' : `\\u${code.toString(16).padStart(4, '0')}`
    }
  }
}
