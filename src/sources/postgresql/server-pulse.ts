import { throwIfStopped } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure } from '../../base/failure.ts'

/**
 * Has a program work with a server, and asks the server for a sign of life meanwhile, by a connection that is idle. Where none comes
 * the program's signal is aborted, and this rejects with what `ask` said; else it is as `work` is.
 */
export async function whileServerAnswers<Answer>(
  ask: () => Promise<unknown>,
  work: (signal: AbortSignal) => Promise<Answer>,
  clock: Clock,
  signal: AbortSignal,
): Promise<Answer> {
  const over = new AbortController()
  const hanging = new AbortController()
  const asking = (async (): Promise<void> => {
    while (!over.signal.aborted) {
      await clock.sleep(silenceMs, over.signal)
      await ask()
    }
  })().catch((error: unknown) => {
    if (!over.signal.aborted) hanging.abort(error)
  })
  try {
    return await work(AbortSignal.any([signal, hanging.signal]))
  } finally {
    over.abort()
    await asking // The connection is the caller's again.
  }
}

/** What the server tells of one of its sessions to another one. */
export interface SessionState {
  /** "active" while it is at work, as pg_stat_activity has it; undefined where there is no such session any more. */
  readonly state: string | undefined
  /** Of a base backup: what it does just now, and how far it is. */
  readonly phase: string | undefined
  readonly streamed: string | undefined
}

/** A session that says nothing is asked after so often, ms. */
export const silenceMs = 60_000
/** So long the server may take to tell what becomes of one, to let us in included, ms. */
export const answerMsMax = 50_000
/** A base backup whose files do not come, though none of its other work keeps it, is given up after so long, ms. */
const standstillMsMax = 600_000
const streaming = 'streaming database files'

/**
 * Tells a server that works in silence from one that hangs with its socket open. A query and a base backup may say nothing
 * for hours and be well: while a checkpoint is written, while a large table is read. So the server is asked over another
 * connection what the session does. Nothing else is to be concluded from silence: the protocol has no signs of life.
 */
export class ServerPulse {
  readonly #ask: (signal: AbortSignal) => Promise<SessionState>
  readonly #clock: Clock
  readonly #server: string
  #last: { readonly state: SessionState; readonly sinceMs: number } | undefined

  /** `ask` opens a connection; a server that refuses it for want of room answers with the state "active". */
  constructor(ask: (signal: AbortSignal) => Promise<SessionState>, clock: Clock, server: string) {
    this.#ask = ask
    this.#clock = clock
    this.#server = server
  }

  /** Resolves where there is reason to wait on. Failure `connection_failed` where there is none; `stopped`. */
  async look(signal: AbortSignal): Promise<void> {
    const now = await this.#answer(signal)
    const before = this.#last
    const isSame = before !== undefined && before.state.streamed === now.streamed && before.state.state === now.state
    const sinceMs = isSame ? before.sinceMs : this.#clock.monotonicMs()
    this.#last = { state: now, sinceMs }
    if (now.state === undefined) throw this.#failure('the server knows nothing of the session any more')
    const stillMs = this.#clock.monotonicMs() - sinceMs
    if (now.phase === streaming && stillMs >= standstillMsMax)
      throw this.#failure(`its base backup stands still since ${Math.round(stillMs / 1000)} s`)
    if (isSame && now.state.startsWith('idle')) throw this.#failure('the server has answered, and nothing came')
  }

  /** The session has said something meanwhile. */
  forget(): void {
    this.#last = undefined
  }

  async #answer(signal: AbortSignal): Promise<SessionState> {
    const over = new AbortController()
    const both = AbortSignal.any([signal, over.signal])
    const tooLong = this.#clock.sleep(answerMsMax, both).then(() => undefined)
    const asked = this.#ask(both)
    for (const one of [tooLong, asked]) one.catch(() => {}) // The other one decides.
    try {
      const answer = await Promise.race([asked, tooLong])
      if (answer !== undefined) return answer
    } catch (error) {
      throwIfStopped(signal)
      throw this.#failure(`the server lets nobody in any more: ${errorMessage(error)}`)
    } finally {
      over.abort()
    }
    throw this.#failure(`the server has not answered for ${answerMsMax / 1000} s`)
  }

  #failure(found: string): Failure {
    return new Failure('connection_failed', `Cannot read PostgreSQL "${this.#server}": ${found}`, {
      facts: {
        hint: 'The server hangs, or the network to it is cut: look at its processes, its disk and its log, and try again',
      },
    })
  }
}
