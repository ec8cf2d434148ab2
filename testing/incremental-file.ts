/** A file of an incremental backup as PostgreSQL writes it; of each block its number, and the byte that fills it. */
export function encodeIncremental(file: {
  readonly blockBytes: number
  readonly blocksMin: number
  readonly blocks: readonly (readonly [number: number, fill: number])[]
}): Buffer {
  const { blockBytes, blocksMin, blocks } = file
  const plain = 12 + 4 * blocks.length
  const head = Buffer.alloc(blocks.length === 0 ? plain : Math.ceil(plain / blockBytes) * blockBytes)
  head.writeUInt32LE(0xd3ae1f0d, 0)
  head.writeUInt32LE(blocks.length, 4)
  head.writeUInt32LE(blocksMin, 8)
  for (const [at, [block]] of blocks.entries()) head.writeUInt32LE(block, 12 + 4 * at)
  return Buffer.concat([head, ...blocks.map(([, fill]) => Buffer.alloc(blockBytes, fill))])
}
