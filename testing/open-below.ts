import { readdirSync, readlinkSync } from 'node:fs'

/** Paths of all files and directories at or below `folder` that this process has open, in any thread. */
export function openBelow(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`)
      return path === folder || path.startsWith(`${folder}/`) ? [path] : []
    } catch {
      return [] // The one that the listing itself had open.
    }
  })
}
