import { createCipheriv } from 'node:crypto'
import type { Cipheriv } from 'node:crypto'
import { advanceCounter, blocksOf, counterBlockBytes } from './counter.ts'
import type { KernelMemory } from './kernel-memory.ts'
import type { MasterKey } from './master-key.ts'
import type { SealCipher } from './seal-cipher.ts'

/** What Node's cipher is fed at once: small enough that its outputs come from the heap and stay in the cache. */
const sliceBytes = 32 * 1024
const zeros = Buffer.alloc(counterBlockBytes)

/**
 * The seal's primitives by Node's own ciphers and the WebAssembly kernel. A cipher object costs ten times what 4 KiB
 * of its stream cost, so one is kept running as long as each vector is the block behind the last one used, which
 * is so within every pack that a Sealer wrote.
 */
export function portableSealCipher(memory: KernelMemory, key: MasterKey): SealCipher {
  const nonceCipher = createCipheriv('aes-128-ecb', key.macK, null)
  nonceCipher.setAutoPadding(false)
  const next = Buffer.alloc(counterBlockBytes)
  let running: Cipheriv | undefined
  return {
    crypt(iv, input, target, at) {
      if (running === undefined || Buffer.compare(iv, next) !== 0) {
        next.set(iv)
        running = createCipheriv('aes-256-ctr', key.encrypt, next)
      }
      for (let from = 0; from < input.length; from += sliceBytes) {
        target.set(running.update(input.subarray(from, from + sliceBytes)), at + from)
      }
      const blocks = blocksOf(input.length)
      const padding = blocks * counterBlockBytes - input.length
      if (padding > 0) running.update(zeros.subarray(0, padding))
      advanceCounter(next, blocks)
    },
    authenticate(iv, start, end, tagAt) {
      memory.setMacKey(key.macR)
      memory.mac(start, end, nonceCipher.update(iv), tagAt)
    },
  }
}
