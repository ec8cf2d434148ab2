import { Failure } from '../../base/failure.ts'
import type { ServerNotice } from './wire-messages.ts'

/** A page whose checksum does not fit, as the server found it while it sent a file. */
export interface ChecksumFault {
  readonly file: string
  /** Number of the 8 KiB page in the file; undefined where the server only counts further ones. */
  readonly block: number | undefined
  readonly message: string
}

const faultsShown = 10

/**
 * What a warning of BASE_BACKUP tells of a page checksum; undefined where it is another warning. Servers may speak any
 * language: what is looked for is a quoted file below a data directory, and the first number behind it.
 */
export function checksumFaultOf(notice: ServerNotice): ChecksumFault | undefined {
  if (notice.severity !== 'WARNING') return undefined
  const match = /["„“”«»']\s*(\.?\/?(?:base|global|pg_tblspc|PG_\d+_\d+)\/[^"“”«»']+?)\s*["“”«»']([^]*)$/.exec(
    notice.message,
  )
  if (match === null) return undefined
  const numbers = [...match[2]!.matchAll(/\d+/g)].map(([digits]) => Number(digits))
  const isCount = numbers.length < 2
  return { file: match[1]!.replace(/^\.\//, ''), block: isCount ? undefined : numbers[0], message: notice.message }
}

/** The Failure of a base backup with damaged pages. */
export function describeChecksumFaults(faults: readonly ChecksumFault[], cause: unknown): Failure {
  const pages = faults.filter(({ block }) => block !== undefined)
  const shown = (pages.length > 0 ? pages : faults)
    .slice(0, faultsShown)
    .map(({ file, block, message }) => (block === undefined ? message : `"${file}" block ${block}`))
  const more = pages.length > faultsShown ? ` and ${pages.length - faultsShown} more` : ''
  return new Failure(
    'database_unreadable',
    `Cannot back up the cluster: page checksums do not fit in ${shown.join(', ')}${more}`,
    {
      cause,
      facts: {
        hint: 'These pages are damaged on the server. Restore them from the last good backup; nothing of this one was kept.',
        file: faults[0]!.file,
        block: pages[0]?.block,
      },
    },
  )
}
