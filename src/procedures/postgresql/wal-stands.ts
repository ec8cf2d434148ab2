import { errorMessage } from '../../base/error-message.ts'
import type { Lsn } from '../../sources/postgresql/lsn.ts'
import type { WalPiece } from '../../model/wal-stand.ts'
import type { Installation, Watch } from '../installation.ts'
import type { SourceReceiverEvent } from './receive-source.ts'

type Records = Pick<Installation, 'catalog' | 'clock'>

/**
 * Notes that more of a source's WAL is stored at the primary location, so that the status can tell how much could be lost. It
 * never fails: what could not be noted is told, since the WAL itself is stored, and the next piece notes it again.
 */
export async function noteStoredWal(
  { catalog, clock }: Records,
  source: string,
  piece: WalPiece,
  watch: Pick<Watch, 'notice'>,
): Promise<void> {
  const now = clock.now()
  const until = piece.until < now ? piece.until : now
  try {
    await catalog.addWalPiece({ source, location: 'primary' }, { ...piece, until })
  } catch (error) {
    watch.notice(`WAL of ${source} is stored, but how far could not be noted: ${errorMessage(error)}`)
  }
}

/** A receiver that has caught up says so with every message; that is noted so often, ms. */
const noteEveryMs = 2_000

/** Notes what a receiver stores, from its events; the last of it when it is disposed of. */
export class ReceivedWal implements AsyncDisposable {
  readonly #records: Records
  readonly #source: string
  readonly #watch: Pick<Watch, 'notice'>
  #from: { readonly systemIdentifier: string; readonly timeline: number; readonly begin: Lsn } | undefined
  #notedAtMs: number | undefined
  #noting: Promise<void> = Promise.resolve()
  #waiting: WalPiece | undefined

  constructor(records: Records, source: string, watch: Pick<Watch, 'notice'>) {
    this.#records = records
    this.#source = source
    this.#watch = watch
  }

  take(event: SourceReceiverEvent): void {
    if (event.kind === 'connected') {
      const { systemIdentifier, timeline, from } = event
      this.#from = { systemIdentifier, timeline, begin: from }
    } else if (this.#from === undefined) return
    else if (event.kind === 'switched') this.#from = { ...this.#from, timeline: event.timeline }
    else if (event.kind === 'gap') this.#from = { ...this.#from, begin: event.to }
    // While it lags nobody knows when what it has stored was written.
    else if (event.kind === 'current' || (event.kind === 'stored' && event.end >= event.serverEnd))
      this.#stored(event.end)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#waiting !== undefined) this.#note(this.#waiting)
    await this.#noting
  }

  #stored(end: Lsn): void {
    const { clock } = this.#records
    const piece = { ...this.#from!, end, until: clock.now() }
    const nowMs = clock.monotonicMs()
    if (this.#notedAtMs !== undefined && nowMs - this.#notedAtMs < noteEveryMs) {
      this.#waiting = piece
      return
    }
    this.#notedAtMs = nowMs
    this.#note(piece)
  }

  #note(piece: WalPiece): void {
    this.#waiting = undefined
    this.#from = { ...this.#from!, begin: piece.end }
    this.#noting = this.#noting.then(() => noteStoredWal(this.#records, this.#source, piece, this.#watch))
  }
}
