/**
 * The WebAssembly module: AssemblyScript, compiled by scripts/build-kernels.ts. It has no heap and no garbage
 * collector, only the static areas named here; everything else of its memory belongs to the caller.
 */
export { gearKeyAt, cut, setConstants } from './chunker'
export {
  beginTree,
  countEntries,
  matchFoundAt,
  matchIdAt,
  matchNode,
  matchOwnerAt,
  nextName,
  readId,
  setOwner,
} from './tree-matcher'
export { macKeyAt, macPadAt, macTagAt, setMacKey, mac } from './poly1305'

/** First byte behind the static areas. */
export function staticEnd(): usize {
  return __heap_base
}
