import { formatLsn } from '../../sources/postgresql/lsn.ts'
import type { SourceReceiverEvent } from './receive-source.ts'

/** What a receiver did, as a sentence; undefined for what happens all the time. */
export function describeReceiverEvent(source: string, event: SourceReceiverEvent): string | undefined {
  switch (event.kind) {
    case 'connected':
      return `WAL of ${source}: receiving timeline ${event.timeline} from ${formatLsn(event.from)}`
    case 'stored':
    case 'current':
      return undefined
    case 'switched':
      return `WAL of ${source}: the server is on timeline ${event.timeline} since ${formatLsn(event.at)}`
    case 'gap':
      return (
        `WAL of ${source}: the server no longer has what lies between ${formatLsn(event.from)} and ${formatLsn(event.to)}: ` +
        'no recovery goes across it; take a full backup now'
      )
    case 'lost':
      return `WAL of ${source}: ${event.failure.message}; trying again in ${Math.round(event.waitMs / 1000)} s`
    case 'slot':
      return `WAL of ${source}: ${event.message}`
    default:
      return event satisfies never
  }
}
