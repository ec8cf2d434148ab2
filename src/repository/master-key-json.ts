import { Failure } from '../base/failure.ts'
import type { MasterKey } from '../kernels/seal.ts'
import { encodeGoBytes } from './go-json.ts'
import { JsonReader } from './json-reader.ts'

/** The master key as a key file seals it and as `restic cat masterkey` prints it (there with spaces). */
export function encodeMasterKey(key: MasterKey): Buffer {
  const mac = `{"k":${encodeGoBytes(key.macK)},"r":${encodeGoBytes(key.macR)}}`
  return Buffer.from(`{"mac":${mac},"encrypt":${encodeGoBytes(key.encrypt)}}`)
}

/** Failure `key_wrong` where a part has not its length or is all zero; the message never holds the key. */
export function decodeMasterKey(bytes: Uint8Array): MasterKey {
  let encrypt: Uint8Array
  let macK: Uint8Array
  let macR: Uint8Array
  try {
    const reader = JsonReader.parse(bytes, 'the master key')
    const mac = reader.object('mac')
    encrypt = reader.bytes('encrypt')
    macK = mac.bytes('k')
    macR = mac.bytes('r')
  } catch {
    // The cause is left out on purpose: its message would quote the key.
    throw new Failure('key_wrong', 'Cannot read the master key: it is not JSON with "mac" and "encrypt"')
  }
  if (encrypt.length !== 32 || macK.length !== 16 || macR.length !== 16) {
    const found = `${encrypt.length}, ${macK.length} and ${macR.length}`
    throw new Failure('key_wrong', `Cannot read the master key: its parts have ${found} bytes, expected 32, 16 and 16`)
  }
  if ([encrypt, macK, macR].some((part) => part.every((byte) => byte === 0))) {
    throw new Failure('key_wrong', 'Cannot use the master key: a part of it is all zero')
  }
  return { encrypt, macK, macR }
}
