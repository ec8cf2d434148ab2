/**
 * Compiles src/kernels/assembly to src/kernels/wasm/kernels.wasm. `npm ci` runs it ("prepare"). The memory is
 * imported and shared, so that its bytes can be handed from thread to thread without a copy.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const kernels = fileURLToPath(new URL('../src/kernels/', import.meta.url))
const options = [
  '--runtime stub --noAssert --use abort=',
  '-O3 --converge',
  '--importMemory --sharedMemory --initialMemory 1 --maximumMemory 65536 --zeroFilledMemory',
  '--enable threads --enable simd --enable relaxed-simd',
]
mkdirSync(`${kernels}wasm`, { recursive: true })
// As a program and not as a module: importing it would bring AssemblyScript's globals into the types of ours.
execFileSync(
  process.execPath,
  [
    fileURLToPath(new URL('../node_modules/assemblyscript/bin/asc.js', import.meta.url)),
    `${kernels}assembly/kernels.ts`,
    '--outFile',
    `${kernels}wasm/kernels.wasm`,
    ...options.flatMap((line) => line.split(' ')),
  ],
  { stdio: 'inherit' },
)
