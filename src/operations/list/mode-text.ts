import type { NodeType } from '../../model/node.ts'

/** Letters of Go's os.FileMode from its highest bit down. */
const letters = 'dalTLDpSugct?'

/** Go's os.FileMode as Go prints it, e.g. "drwxr-xr-x", "Lrwxrwxrwx", "urwxr-xr-x". */
export function modeText(mode: number): string {
  let text = ''
  for (let index = 0; index < letters.length; index++) {
    if (((mode >>> (31 - index)) & 1) === 1) text += letters[index]
  }
  if (text === '') text = '-'
  for (let index = 0; index < 9; index++) text += ((mode >>> (8 - index)) & 1) === 1 ? 'rwx'[index % 3] : '-'
  return text
}

const typeBits = {
  file: 0,
  dir: 0x8000_0000,
  symlink: 0x0800_0000,
  dev: 0x0400_0000,
  chardev: 0x0420_0000,
  fifo: 0x0200_0000,
  socket: 0x0100_0000,
  irregular: 0,
} as const satisfies Record<NodeType, number>

/** The same for a node, whose type shows even where its mode does not hold it. */
export function nodeModeText(node: { readonly type: NodeType; readonly mode?: number }): string {
  return modeText(((node.mode ?? 0) | typeBits[node.type]) >>> 0)
}
