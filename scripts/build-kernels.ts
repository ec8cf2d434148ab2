/**
 * Compiles src/kernels/assembly to src/kernels/wasm/kernels.wasm. `npm ci` runs it ("prepare"). The memory is
 * imported and shared, so that its bytes can be handed from thread to thread without a copy.
 */
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { main } from 'assemblyscript/asc'

const kernels = fileURLToPath(new URL('../src/kernels/', import.meta.url))
const options = [
  '--runtime stub --noAssert --use abort=',
  '-O3 --converge',
  '--importMemory --sharedMemory --initialMemory 1 --maximumMemory 65536 --zeroFilledMemory',
  '--enable threads --enable simd',
]
mkdirSync(`${kernels}wasm`, { recursive: true })
const { error } = await main(
  [
    `${kernels}assembly/kernels.ts`,
    '--outFile',
    `${kernels}wasm/kernels.wasm`,
    ...options.flatMap((line) => line.split(' ')),
  ],
  { stderr: process.stderr },
)
if (error !== null) throw error
