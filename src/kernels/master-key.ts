/** A repository's master key. The arrays must not change while they are in use. */
export interface MasterKey {
  /** AES-256 key, 32 bytes. */
  readonly encrypt: Uint8Array
  /** AES-128 key of Poly1305-AES, 16 bytes. */
  readonly macK: Uint8Array
  /** r of Poly1305, 16 bytes; masked where it is used. */
  readonly macR: Uint8Array
}

/** The parts of a master key that is one piece of 64 bytes: encrypt 32 | macK 16 | macR 16, as the keyring keeps it. */
export function wholeMasterKey(bytes: Uint8Array): MasterKey {
  return { encrypt: bytes.slice(0, 32), macK: bytes.slice(32, 48), macR: bytes.slice(48, 64) }
}
