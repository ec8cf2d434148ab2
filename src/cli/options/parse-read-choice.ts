import { InvalidArgumentError } from 'commander'
import { type ReadChoice, readPartsMax } from '../../operations/check/read-choice.ts'
import { parseSize } from './parse-size.ts'

/** Which packs `check` reads, in restic's words: "2/7" is a part, "10%" and "500M" are drawn by chance. */
export function parseReadChoice(text: string): ReadChoice {
  const part = /^(\d+)\/(\d+)$/.exec(text)
  if (part !== null) {
    const choice = { part: Number(part[1]), parts: Number(part[2]) }
    if (choice.part >= 1 && choice.part <= choice.parts && choice.parts <= readPartsMax) return choice
    throw new InvalidArgumentError(`Expected a part from 1/1 to ${readPartsMax}/${readPartsMax}.`)
  }
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)
  if (percent !== null) {
    const choice = { percent: Number(percent[1]) }
    if (choice.percent > 0 && choice.percent <= 100) return choice
    throw new InvalidArgumentError('Expected more than 0% and at most 100%.')
  }
  const bytes = parseSize(text)
  if (bytes > 0) return { bytes }
  throw new InvalidArgumentError('Expected a part such as 2/7, a share such as 10%, or a size such as 500M.')
}

/** The number of parts of a rotating check. */
export function parseParts(text: string): number {
  const parts = Number(text)
  if (Number.isInteger(parts) && parts >= 1 && parts <= readPartsMax) return parts
  throw new InvalidArgumentError(`Expected a number of parts from 1 to ${readPartsMax}.`)
}
