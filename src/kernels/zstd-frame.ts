/** A zstd frame (RFC 8878, section 3.1), by its headers alone. */
export interface ZstdFrame {
  readonly start: number
  readonly end: number
  /** Length of what it decompresses to; undefined where the frame does not name it. */
  readonly contentBytes: number | undefined
}

export type ZstdFrames =
  | { readonly kind: 'whole'; readonly frames: readonly ZstdFrame[] }
  | { readonly kind: 'damaged'; readonly fault: string }

const frameMagic = 0xfd2fb528
const skippableMagic = 0x184d2a50

/**
 * Walks through `bytes` from block to block, without decompressing anything, and answers the frames that hold content.
 * 'whole' promises that the bytes end where a frame ends: a decompressor that finds no fault in it is then ready
 * for the next one.
 */
export function zstdFrames(bytes: Uint8Array): ZstdFrames {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const frames: ZstdFrame[] = []
  let at = 0
  if (bytes.length === 0) return { kind: 'damaged', fault: 'it is empty' }
  while (at < bytes.length) {
    if (at + 8 > bytes.length) return { kind: 'damaged', fault: 'a frame is cut off' }
    const magic = view.getUint32(at, true)
    if ((magic & 0xfffffff0) >>> 0 === skippableMagic) {
      at += 8 + view.getUint32(at + 4, true)
      continue
    }
    if (magic !== frameMagic) return { kind: 'damaged', fault: 'a frame does not begin with the magic number' }
    const header = frameHeader(view, at + 4)
    if (header === undefined) return { kind: 'damaged', fault: 'a frame header is cut off' }
    const blocksEnd = skipBlocks(view, header.end)
    if (blocksEnd === undefined) return { kind: 'damaged', fault: 'a block is cut off or of a reserved type' }
    const end = blocksEnd + (header.checksum ? 4 : 0)
    frames.push({ start: at, end, contentBytes: header.contentBytes })
    at = end
  }
  return at === bytes.length ? { kind: 'whole', frames } : { kind: 'damaged', fault: 'a frame is cut off' }
}

interface FrameHeader {
  readonly end: number
  readonly checksum: boolean
  readonly contentBytes: number | undefined
}

function frameHeader(view: DataView, at: number): FrameHeader | undefined {
  const descriptor = view.getUint8(at)
  const isSingleSegment = (descriptor & 0x20) !== 0
  const windowBytes = isSingleSegment ? 0 : 1
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!
  const sizeAt = at + 1 + windowBytes + dictionaryBytes
  const end = sizeAt + sizeBytes
  if (end > view.byteLength) return undefined
  let contentBytes: number | undefined
  if (sizeBytes === 1) contentBytes = view.getUint8(sizeAt)
  else if (sizeBytes === 2) contentBytes = view.getUint16(sizeAt, true) + 256
  else if (sizeBytes === 4) contentBytes = view.getUint32(sizeAt, true)
  else if (sizeBytes === 8) contentBytes = Number(view.getBigUint64(sizeAt, true))
  return { end, checksum: (descriptor & 4) !== 0, contentBytes }
}

/** First byte behind the last block of a frame; it may lie behind the end of the view. */
function skipBlocks(view: DataView, at: number): number | undefined {
  const typeRepeated = 1
  const typeReserved = 3
  for (;;) {
    if (at + 3 > view.byteLength) return undefined
    const header = view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getUint8(at + 2) << 16)
    const type = (header >> 1) & 3
    if (type === typeReserved) return undefined
    at += 3 + (type === typeRepeated ? 1 : header >> 3)
    if ((header & 1) === 1) return at
  }
}
