import { toHex } from '../base/hex.ts'
import { errorMessage } from '../base/error-message.ts'
import { Failure, isFailure } from '../base/failure.ts'
import type { Policy } from '../model/policy/policy.ts'
import type { Installation } from '../procedures/installation.ts'
import { describeReceiverEvent } from '../procedures/postgresql/describe-receiver-event.ts'
import { receiveSource } from '../procedures/postgresql/receive-source.ts'
import { replicateWal } from '../procedures/postgresql/replicate-wal.ts'
import type { ServiceParts } from './service-parts.ts'

/** A receiver goes on with the keys as they are now after so long, ms: a rotation is taken up within it. */
const sessionMs = 3_600_000
/** What was received is copied off-site so often, ms. */
const replicateEveryMs = 5 * 60_000
/** Before a receiver that failed begins again; doubled with each failure in a row. */
const firstWaitMs = 30_000
const waitMsMax = 30 * 60_000

/**
 * Receives the WAL of every source whose policy says so, beside what else the service does, from the first adjust() until it
 * is disposed of. A receiver that fails is told of, put on record, and begun again after a wait that grows to half an hour.
 */
export class WalReceivers implements AsyncDisposable {
  readonly #parts: ServiceParts
  readonly #signal: AbortSignal
  readonly #running = new Map<string, Receiver>()

  constructor(parts: ServiceParts, signal: AbortSignal) {
    this.#parts = parts
    this.#signal = signal
  }

  /** Looks what the policy says now: begins, ends, and begins anew what changed. A policy that can not be read changes nothing. */
  async adjust(): Promise<void> {
    const wanted = await wantedReceivers(this.#parts)
    if (wanted === undefined) return
    for (const [source, receiver] of this.#running) {
      if (wanted.get(source) === receiver.settings) continue
      await receiver.end()
      this.#running.delete(source)
    }
    for (const [source, settings] of wanted) {
      if (this.#running.has(source)) continue
      this.#running.set(source, new Receiver(this.#parts, source, settings, this.#signal))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const receiver of this.#running.values()) await receiver.end()
  }
}

/** By name, with all that a receiver depends on; undefined where the policy can not be read now, which serve() tells of. */
async function wantedReceivers({ readPolicy }: ServiceParts): Promise<ReadonlyMap<string, string> | undefined> {
  let policy: Policy
  try {
    policy = await readPolicy()
  } catch (error) {
    if (!isFailure(error)) throw error
    return undefined
  }
  const wanted = new Map<string, string>()
  for (const [name, source] of Object.entries(policy.sources)) {
    if (source.kind !== 'postgresql' || source.mode !== 'physical' || !source.wal.receive) continue
    wanted.set(name, JSON.stringify([source.url, source.password, source.wal, policy.locations]))
  }
  return wanted
}

class Receiver {
  readonly settings: string
  readonly #parts: ServiceParts
  readonly #source: string
  readonly #stopping = new AbortController()
  readonly #ended: Promise<void>

  constructor(parts: ServiceParts, source: string, settings: string, signal: AbortSignal) {
    this.settings = settings
    this.#parts = parts
    this.#source = source
    this.#ended = this.#live(AbortSignal.any([signal, this.#stopping.signal]))
    this.#ended.catch(() => {}) // Awaited by end().
  }

  async end(): Promise<void> {
    this.#stopping.abort(new Failure('stopped', `The receiver of ${this.#source} was stopped`))
    await this.#ended
  }

  async #live(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    for (let failures = 0; !signal.aborted; ) {
      const startedAt = clock.now()
      try {
        await this.#session(signal)
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        failures += 1
        const waitMs = Math.min(waitMsMax, firstWaitMs * 2 ** (failures - 1))
        this.#tell(`WAL of ${this.#source}: ${errorMessage(error)}; the receiver begins again in ${waitMs / 1000} s`)
        await this.#record(error, startedAt)
        await clock.sleep(waitMs, signal).catch(() => {}) // Stopped: the loop ends.
      }
    }
  }

  /** Returns when it is time to look at the keys again. */
  async #session(signal: AbortSignal): Promise<void> {
    const { clock, openInstallation } = this.#parts
    await using opened = await openInstallation()
    const over = new AbortController()
    const stopped = AbortSignal.any([signal, over.signal])
    const beside = [
      clock.sleep(sessionMs, stopped).then(() => over.abort(new Failure('stopped', 'The session is over'))),
      this.#replicate(opened.installation, stopped),
    ].map((work) => work.catch(() => {})) // They end with the session; what fails in them has been told.
    try {
      const onEvent = (event: Parameters<Parameters<typeof receiveSource>[2]>[0]): void => {
        const text = describeReceiverEvent(this.#source, event)
        if (text !== undefined) this.#tell(text)
      }
      const watch = { notice: (text: string): void => this.#parts.tell({ kind: 'notice', text }) }
      await receiveSource(opened.installation, this.#source, onEvent, watch, stopped)
    } catch (error) {
      if (!over.signal.aborted) throw error
    } finally {
      over.abort(new Failure('stopped', 'The session ended'))
      await Promise.all(beside)
    }
  }

  async #replicate(installation: Installation, signal: AbortSignal): Promise<void> {
    let told: string | undefined
    for (;;) {
      await this.#parts.clock.sleep(replicateEveryMs, signal)
      const { troubles } = await replicateWal(installation, installation.generations.active, signal)
      if (troubles[0] !== undefined && troubles[0] !== told) this.#tell(troubles[0])
      told = troubles[0]
    }
  }

  async #record(error: unknown, startedAt: Date): Promise<void> {
    const { catalog, clock, process } = this.#parts
    const id = `receive-${this.#source}-${toHex(Buffer.from(startedAt.toISOString()))}`
    const { code, message } = isFailure(error) ? error : { code: 'defect' as const, message: String(error) }
    try {
      await catalog.beginRun({
        id,
        procedure: 'receive',
        trigger: 'schedule',
        source: this.#source,
        dueAt: undefined,
        startedAt,
        process,
      })
      await catalog.endRun(id, { state: 'failed', endedAt: clock.now(), failure: code, message })
    } catch (failure) {
      // The record is of less worth than the receiver.
      this.#tell(`WAL of ${this.#source}: that could not be put on record: ${errorMessage(failure)}`)
    }
  }

  #tell(text: string): void {
    this.#parts.tell({ kind: 'receiver', source: this.#source, text })
  }
}
