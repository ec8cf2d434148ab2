import { Failure } from '../../base/failure.ts'
import { KernelMemory } from '../../kernels/kernel-memory.ts'
import { type MasterKey, Opener } from '../../kernels/seal.ts'
import type { SharedSealedBlob } from '../tree-reader.ts'
import type { WorkerContext } from './worker-context.ts'

/** The plaintext of a sealed tree in shared memory. The worker's read window is used as scratch. */
export function openTree(blob: SharedSealedBlob, context: WorkerContext): Buffer {
  const opened = openSealed(blob, context, context.key)
  if (blob.uncompressedLength === undefined) return opened
  const plaintext = Buffer.allocUnsafe(blob.uncompressedLength)
  const length = context.decompressor.decompress(opened, plaintext)
  if (length !== blob.uncompressedLength) {
    throw new Failure(
      'repository_damaged',
      `Cannot open a tree: it has ${length} bytes, expected ${blob.uncompressedLength}`,
    )
  }
  return plaintext
}

function openSealed(blob: SharedSealedBlob, context: WorkerContext, key: MasterKey): Buffer {
  const { window, opener } = context
  const sealed = new Uint8Array(blob.buffer, blob.offset, blob.length)
  if (blob.length <= window.end - window.start) {
    window.memory.bytes.set(sealed, window.start)
    return opener.open(window.start, window.start + blob.length)
  }
  // The tree of a directory with very many entries.
  const memory = new KernelMemory({ regionBytes: blob.length })
  memory.bytes.set(sealed, memory.start)
  return new Opener(memory, key).open(memory.start, memory.start + blob.length)
}
