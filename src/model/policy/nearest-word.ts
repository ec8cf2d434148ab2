/** Words longer than this are not compared: nobody mistypes them. */
const wordLengthMax = 32

/** Nor among more of them: each is compared letter by letter. */
const wordsMax = 100

/**
 * The word that somebody who wrote `written` most likely meant, or undefined where none is near: the same but for
 * upper case, blanks, "-" and "_", or with at most two letters changed, left out, put in or swapped (one, in short words).
 */
export function nearestWord(written: string, words: readonly string[]): string | undefined {
  if (written === '' || written.length > wordLengthMax || words.length > wordsMax) return undefined
  const same = words.find((word) => plain(word) === plain(written))
  if (same !== undefined) return same
  const tolerance = written.length <= 4 ? 1 : 2
  let nearest: string | undefined
  let smallest = tolerance + 1
  for (const word of words) {
    if (word.length > wordLengthMax || Math.abs(plain(word).length - plain(written).length) > tolerance) continue
    const distance = wordDistance(plain(written), plain(word))
    if (distance < smallest) [nearest, smallest] = [word, distance]
  }
  if (nearest !== undefined) return nearest
  // "prod" for "production", "postgres" for "postgresql".
  const longer = words.filter((word) => written.length >= 3 && plain(word).startsWith(plain(written)))
  return longer.length === 1 ? longer[0] : undefined
}

function plain(word: string): string {
  return word.toLowerCase().replace(/[\s_-]/g, '')
}

/** Letters to change, leave out, put in or swap with their neighbour to get from one word to the other. */
function wordDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)]
  for (let row = 1; row <= a.length; row++) {
    const cells = [row]
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1]
      const above = rows[row - 1]!
      let least = Math.min(above[column]! + 1, cells[column - 1]! + 1, above[column - 1]! + (isSame ? 0 : 1))
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (isSwap) least = Math.min(least, rows[row - 2]![column - 2]! + 1)
      cells.push(least)
    }
    rows.push(cells)
  }
  return rows[a.length]![b.length]!
}
