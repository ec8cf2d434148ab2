import { createRequire } from 'node:module'
import type Koffi from 'koffi'

let loaded: typeof Koffi | undefined

/** The library that calls C functions. Loaded once a thread, when first asked for: that takes some 10 ms. */
export function koffi(): typeof Koffi {
  loaded ??= (createRequire(import.meta.url)('koffi') as { default: typeof Koffi }).default
  return loaded
}
