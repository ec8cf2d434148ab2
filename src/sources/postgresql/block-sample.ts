import { Failure } from '../../base/failure.ts'

/** Blocks [first, end) of a table. */
export interface BlockRange {
  readonly first: number
  readonly end: number
}

/** How many places of a large table are looked at. */
const rangesMax = 8

/** Which blocks of a table are read for a manifest where all would be too many: as many as are allowed, in places spread over it. */
export function chooseBlocks(blocks: number, blocksMax: number): BlockRange[] {
  const length = Math.max(1, Math.floor(blocksMax / rangesMax))
  const ranges: BlockRange[] = []
  for (let place = 0; place < rangesMax; place++) {
    const first = Math.round((place * Math.max(0, blocks - length)) / (rangesMax - 1))
    const last = ranges.at(-1)
    const from = Math.max(first, last?.end ?? 0)
    const end = Math.min(blocks, first + length)
    if (from < end) ranges.push({ first: from, end })
  }
  return ranges
}

/** "blocks 0-15, 100-115 of 2000" */
export function describeBlocks(ranges: readonly BlockRange[], blocks: number): string {
  return `blocks ${ranges.map(({ first, end }) => `${first}-${end - 1}`).join(', ')} of ${blocks}`
}

/** The blocks that describeBlocks() told of; undefined where the text tells of none. */
export function parseBlocks(text: string): { readonly ranges: BlockRange[]; readonly blocks: number } | undefined {
  const match = /^blocks ((?:\d+-\d+)(?:, \d+-\d+)*) of (\d+)$/.exec(text)
  if (match === null) return undefined
  const ranges = match[1]!.split(', ').map((part) => {
    const [first, last] = part.split('-').map(Number)
    if (first! > last!) throw new Failure('not_proven', `Cannot read the sample "${text}" of a manifest`)
    return { first: first!, end: last! + 1 }
  })
  return { ranges, blocks: Number(match[2]) }
}
