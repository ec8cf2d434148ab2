import { readFileSync } from 'node:fs'
import { Failure } from '../base/failure.ts'

let compiled: WebAssembly.Module | undefined

/** The kernels, compiled once a thread: the only state is a cache of what never changes. */
export function kernelModule(): WebAssembly.Module {
  compiled ??= compile()
  return compiled
}

function compile(): WebAssembly.Module {
  const url = new URL('./wasm/kernels.wasm', import.meta.url)
  let bytes: Buffer<ArrayBuffer>
  try {
    bytes = readFileSync(url)
  } catch (cause) {
    const hint = 'In a checkout, "npm ci" or "npm run prepare" builds it.'
    throw new Failure('unsupported', `Cannot load the kernels: "${url.pathname}" is not there`, {
      facts: { hint },
      cause,
    })
  }
  return new WebAssembly.Module(bytes)
}
