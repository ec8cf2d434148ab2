import { Failure } from '../../base/failure.ts'

/** Which transactions a view sees: those that had ended, and well, when it was taken. */
export interface TransactionSnapshot {
  /** From here on none is seen. */
  readonly xmax: bigint
  /** Those before that were still running. */
  readonly running: ReadonlySet<bigint>
}

/** From "100:104:100,102", as pg_current_snapshot() writes it. */
export function parseSnapshot(text: string): TransactionSnapshot {
  const match = /^\d+:(\d+):((?:\d+(?:,\d+)*)?)$/.exec(text)
  if (match === null) throw new Failure('defect', `Cannot read the snapshot "${text}" of the server`)
  return { xmax: BigInt(match[1]!), running: new Set(match[2] === '' ? [] : match[2]!.split(',').map(BigInt)) }
}

/** The whole number of a transaction of which the log has the last 32 bits; it is no more than 2^31 from the snapshot. */
export function wholeXid(xid: number, { xmax }: TransactionSnapshot): bigint {
  const half = 1n << 31n
  const near = (xmax & ~0xffff_ffffn) | BigInt(xid)
  if (near > xmax + half) return near - (half << 1n)
  return near < xmax - half ? near + (half << 1n) : near
}

/** What all of these views see: what one of them does not is not seen by this one. */
export function commonSnapshot(
  snapshots: readonly [TransactionSnapshot, ...TransactionSnapshot[]],
): TransactionSnapshot {
  const running = new Set(snapshots.flatMap((snapshot) => [...snapshot.running]))
  return { xmax: snapshots.reduce((least, { xmax }) => (xmax < least ? xmax : least), snapshots[0].xmax), running }
}

/** Which of these transactions, by the last 32 bits of their numbers, a view does not see; each once. */
export function unseenBy(snapshot: TransactionSnapshot, xids: Iterable<number>): bigint[] {
  const xmax = Number(snapshot.xmax & 0xffff_ffffn)
  const running = new Set([...snapshot.running].map((xid) => Number(xid & 0xffff_ffffn)))
  const unseen = new Set<number>()
  for (const xid of xids) if (((xid - xmax) | 0) >= 0 || running.has(xid)) unseen.add(xid)
  return [...unseen].map((xid) => wholeXid(xid, snapshot))
}
