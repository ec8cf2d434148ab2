import { hash } from 'node:crypto'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { Failure } from '../base/failure.ts'

/** A share of 32 bytes: 32, and one that tells it from the others. */
export const shareBytes = 33
const bitsOfWord = 11
/** 33 bytes and 33 bits of their SHA-256: 27 words. */
const wordsOfShare = 27
const checkBits = wordsOfShare * bitsOfWord - shareBytes * 8

const numbers = new Map(wordlist.map((word, number) => [word, number]))

/** A share as words of BIP-39's English list, with a check: a wrong word is found, whichever it is. */
export function encodeShareWords(share: Uint8Array): string[] {
  const bits = bitsOf(share) + bitsOf(hash('sha256', share, 'buffer')).slice(0, checkBits)
  return Array.from({ length: wordsOfShare }, (_, at) => {
    return wordlist[Number.parseInt(bits.slice(at * bitsOfWord, (at + 1) * bitsOfWord), 2)]!
  })
}

/** The share that words say. Case and blanks do not count, and of a word its first four letters are enough. `file`: what they are of, for messages. Failure `kit_damaged`. */
export function decodeShareWords(text: string, file = 'a share'): Uint8Array {
  const words = text.toLowerCase().match(/[a-z]+/g) ?? []
  if (words.length !== wordsOfShare) throw wrong(file, `it has ${words.length} words, expected ${wordsOfShare}`)
  const bits = words.map((word, at) => numberOf(word, at, file).toString(2).padStart(bitsOfWord, '0')).join('')
  const share = new Uint8Array(shareBytes)
  for (let at = 0; at < shareBytes; at++) share[at] = Number.parseInt(bits.slice(at * 8, at * 8 + 8), 2)
  if (encodeShareWords(share).join(' ') === words.map((word, at) => wordlist[numberOf(word, at, file)]).join(' '))
    return share
  throw wrong(file, 'its check is wrong: at least one word is another, or two changed places')
}

/** No two words of the list begin with the same four letters. */
function numberOf(word: string, at: number, file: string): number {
  const exact = numbers.get(word)
  if (exact !== undefined) return exact
  const found = word.length >= 4 ? wordlist.findIndex((one) => one.slice(0, 4) === word.slice(0, 4)) : -1
  if (found >= 0) return found
  throw wrong(file, `word ${at + 1}, "${word}", is not in the list`)
}

function bitsOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
}

function wrong(file: string, found: string): Failure {
  return new Failure('kit_damaged', `Cannot read the words of ${file}: ${found}`, {
    facts: { hint: `The ${wordsOfShare} words of a page stand in columns: read each column from top to bottom` },
  })
}
