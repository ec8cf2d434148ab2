import { isFailure } from '../../base/failure.ts'
import { KernelMemory } from '../../kernels/kernel-memory.ts'
import { openBytes, type MasterKey } from '../../kernels/seal.ts'
import { decodeConfig } from '../../repository/config.ts'
import type { ConfigProof } from '../examine-object.ts'

/** Proves a config by its seal: only bytes that were written by a holder of the master key open. */
export function configProof(key: MasterKey): ConfigProof {
  const memory = new KernelMemory({ regionBytes: 4096 })
  return (bytes) => {
    try {
      decodeConfig(openBytes(memory, key, bytes))
      return undefined
    } catch (error) {
      if (!isFailure(error, 'repository_damaged')) throw error
      return error.message
    }
  }
}
