import { hash } from 'node:crypto'
import { Failure } from '../base/failure.ts'

/**
 * The lines of a share's file, which are also what its QR codes say, so that a page that was scanned is a share file:
 * `ZKS1`, the share; `ZKK1`, a part of what the kit's key opens. Each ends with a check of its own.
 */

/** A QR code of this many characters can still be scanned from paper. */
const partCharactersMax = 900
const partsMax = 999

export interface KitShare {
  /** The first 16 hex digits of the SHA-256 of the kit's material. */
  readonly kit: string
  readonly number: number
  readonly share: Uint8Array
}

export function shareLine({ kit, number, share }: KitShare): string {
  return checked(`ZKS1:${kit}:${number}:${Buffer.from(share).toString('hex')}`)
}

/** The material in lines, and its kit's name. */
export function materialLines(material: Uint8Array): { readonly kit: string; readonly lines: readonly string[] } {
  const kit = kitName(material)
  const text = Buffer.from(material).toString('base64')
  const parts = text.match(new RegExp(`.{1,${partCharactersMax}}`, 'g')) ?? []
  return { kit, lines: parts.map((part, at) => checked(`ZKK1:${kit}:${at + 1}:${parts.length}:${part}`)) }
}

export interface TypedWords {
  /** What it is of, for messages: "file 2". */
  readonly file: string
  readonly text: string
}

/** What the lines of share files hold together. */
export interface KitLines {
  readonly kit: string
  readonly material: Uint8Array
  readonly shares: readonly KitShare[]
  /** Of files without a share line, what stands behind "words:", or all of it; where there is anything. */
  readonly words: readonly TypedWords[]
}

/**
 * Reads share files: their lines in any order, with whatever stands between them. The material may stand in any one of
 * them. Files are named in messages by their order. Failure `kit_damaged` for a line that is not as it was written or is missing,
 * `kit_locked` for shares of two kits.
 */
export function readKitLines(texts: readonly string[]): KitLines {
  const shares = new Map<number, KitShare>()
  const parts = new Map<string, string>()
  const words: TypedWords[] = []
  const kits = new Map<string, Set<number>>()
  let partsOfMaterial = 0
  for (const [at, text] of texts.entries()) {
    let hasShare = false
    for (const line of text.match(/ZK[SK]1:[0-9A-Za-z:+/=]+/g) ?? []) {
      const fields = unchecked(line, at)
      kits.set(fields[1]!, (kits.get(fields[1]!) ?? new Set()).add(at + 1))
      if (fields[0] === 'ZKS1') {
        hasShare = true
        const share = {
          kit: fields[1]!,
          number: Number(fields[2]),
          share: Uint8Array.from(Buffer.from(fields[3]!, 'hex')),
        }
        shares.set(share.number, share)
      } else {
        partsOfMaterial = Number(fields[3])
        parts.set(`${fields[1]} ${fields[2]}`, fields[4]!)
      }
    }
    const typed = hasShare ? '' : (/words:([\s\S]*)/i.exec(text)?.[1] ?? (text.includes('ZKK1:') ? '' : text))
    if (typed.trim() !== '') words.push({ file: `file ${at + 1}`, text: typed })
  }
  const [kit] = kits.keys()
  if (kit === undefined)
    throw damaged(
      'there is no line of a recovery kit in what was given',
      'Give `share-N.txt`, or what the QR codes of a page say',
    )
  if (kits.size > 1) throw ofSeveralKits(kits)
  return { kit, material: joinParts(kit, parts, partsOfMaterial), shares: [...shares.values()], words }
}

function joinParts(kit: string, parts: ReadonlyMap<string, string>, count: number): Uint8Array {
  if (count < 1 || count > partsMax) {
    const hint = 'Words and single shares are not enough: one of the files must be whole, as `share-N.txt` is'
    throw damaged('the sealed keys stand in none of the files that were given', hint)
  }
  let text = ''
  for (let number = 1; number <= count; number++) {
    const part = parts.get(`${kit} ${number}`)
    if (part === undefined) throw damaged(`part ${number} of ${count} of the sealed keys is missing`)
    text += part
  }
  const material = Buffer.from(text, 'base64')
  if (kitName(material) === kit) return material
  throw damaged('the sealed keys are not those of the kit')
}

function kitName(material: Uint8Array): string {
  return hash('sha256', material).slice(0, 16)
}

function checked(line: string): string {
  return `${line}:${hash('sha256', line).slice(0, 8)}`
}

function unchecked(line: string, at: number): string[] {
  const end = line.lastIndexOf(':')
  if (line === checked(line.slice(0, end))) return line.slice(0, end).split(':')
  throw damaged(`a line of file ${at + 1}, "${line.slice(0, 24)}…", is not as it was written`)
}

function ofSeveralKits(kits: ReadonlyMap<string, ReadonlySet<number>>): Failure {
  const told = [...kits].map(([kit, files]) => `${kit} (file ${[...files].join(', ')})`).join(', ')
  return new Failure('kit_locked', `Cannot put shares together: they are of ${kits.size} kits: ${told}`, {
    facts: { hint: 'Give shares of one kit only: each page and file says which it is of, and when that was made' },
  })
}

function damaged(found: string, hint = 'Every line that begins with ZKS1 or ZKK1 must be there, whole'): Failure {
  return new Failure('kit_damaged', `Cannot read the shares: ${found}`, { facts: { hint } })
}
