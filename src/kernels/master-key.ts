/** A repository's master key. The arrays must not change while they are in use. */
export interface MasterKey {
  /** AES-256 key, 32 bytes. */
  readonly encrypt: Uint8Array
  /** AES-128 key of Poly1305-AES, 16 bytes. */
  readonly macK: Uint8Array
  /** r of Poly1305, 16 bytes; masked where it is used. */
  readonly macR: Uint8Array
}
