import {
  keepTablespacesInside,
  mayContinueTablespace,
  tablespaceSigns,
} from '../../sources/postgresql/tablespace-record.ts'
import { segmentName } from '../../sources/postgresql/wal-name.ts'
import type { OpenedWal } from './wal-codec.ts'

/** A neighbour may be of a timeline that forked off in it: so many on are looked for. */
const timelinesOn = 8

/** Whether a stored segment may have a part in making a tablespace. */
export function mayMakeTablespaces({ content, header }: Pick<OpenedWal, 'content' | 'header'>): boolean {
  if (mayContinueTablespace(content)) return true
  return header.facts?.tablespaces !== false && tablespaceSigns(content).any
}

/** Changes a segment as keepTablespacesInside() does; `find` looks for those beside it, the whole of one or its beginning. */
export async function keepInside(
  content: Buffer,
  wanted: { readonly timeline: number; readonly segment: number; readonly segmentBytes: number },
  find: (name: string) => Promise<Uint8Array | undefined>,
): Promise<void> {
  const { timeline, segment, segmentBytes } = wanted
  const signs = tablespaceSigns(content)
  if (!signs.any) return
  const first = async (timelines: readonly number[], number: number): Promise<Uint8Array | undefined> => {
    for (const one of timelines) {
      const found = await find(segmentName(one, number, segmentBytes))
      if (found !== undefined) return found
    }
    return undefined
  }
  const back = Array.from({ length: timeline }, (_, at) => timeline - at)
  const on = Array.from({ length: timelinesOn }, (_, at) => timeline + at)
  keepTablespacesInside(content, {
    before: signs.before && segment > 0 ? await first(back, segment - 1) : undefined,
    after: signs.after ? await first(on, segment + 1) : undefined,
  })
}
