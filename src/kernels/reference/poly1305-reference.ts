const modulus = (1n << 130n) - 5n

/** Poly1305 (RFC 8439, section 2.5.1) as its definition has it. `r` and `s` are 16 bytes, little-endian. */
export function poly1305Reference(message: Uint8Array, r: Uint8Array, s: Uint8Array): Buffer {
  const factor = littleEndian(r) & 0x0ffffffc0ffffffc0ffffffc0fffffffn
  let sum = 0n
  for (let at = 0; at < message.length; at += 16) {
    const block = message.subarray(at, at + 16)
    sum = ((sum + littleEndian(block) + (1n << BigInt(8 * block.length))) * factor) % modulus
  }
  const tag = BigInt.asUintN(128, sum + littleEndian(s))
  return Buffer.from(tag.toString(16).padStart(32, '0'), 'hex').reverse()
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex') || '0'}`)
}
