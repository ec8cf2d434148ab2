const piecesMax = 4
const pieceBytes = 2048

/**
 * Says whether compression is worth trying: whether some byte values are clearly more frequent than others in
 * one of a few pieces of `sample`. Costs a few microseconds whatever the length. It can not see repetitions of
 * random bytes; such data is stored as it is.
 */
export function looksCompressible(sample: Uint8Array): boolean {
  if (sample.length < pieceBytes * 2) return true // Trying costs as little as looking.
  const counts = new Uint16Array(256)
  const step = Math.floor((sample.length - pieceBytes) / (piecesMax - 1))
  for (let piece = 0; piece < piecesMax; piece++) {
    counts.fill(0)
    const start = piece * step
    for (let at = start; at < start + pieceBytes; at++) counts[sample[at]!]!++
    if (isUneven(counts)) return true
  }
  return false
}

/**
 * For n random bytes the sum of the squared counts is n^2 / 256 + n within a few per cent. A fifth more stands
 * for about 0.1 bit a byte that a compressor could take out.
 */
function isUneven(counts: Uint16Array): boolean {
  let sum = 0
  for (const count of counts) sum += count * count
  return sum > 1.2 * (pieceBytes ** 2 / 256 + pieceBytes)
}
