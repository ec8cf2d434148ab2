import type { SharedKernelMemory } from '../../kernels/kernel-memory.ts'
import type { MasterKey } from '../../kernels/seal.ts'
import type { PackToVerify } from './pack-verifier.ts'

/** What a check worker is started with. */
export interface CheckWorkerData {
  readonly key: MasterKey
  /** Packs are read into its region by the main thread. */
  readonly memory: SharedKernelMemory
}

/** A pack that lies in the worker's memory now. */
export type CheckJob = PackToVerify

/** What is wrong with it; empty where nothing is. */
export type CheckAnswer = readonly string[]
