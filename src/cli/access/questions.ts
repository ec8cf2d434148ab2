import { createInterface, type Interface } from 'node:readline'
import { throwIfStopped } from '../../base/abort.ts'
import { Failure } from '../../base/failure.ts'
import type { World } from '../world.ts'

/** How often a question is asked again after an answer that does not fit. */
const trialsMax = 5

/** Questions to somebody at a terminal, a line each. Close it, so that stdin is free again. */
export class Questions implements Disposable {
  readonly #world: Pick<World, 'stdin' | 'stderr' | 'signal'>
  readonly #lines: Interface
  readonly #answers: AsyncIterator<string>

  /** Failure `usage` where stdin is no terminal; `missing` says what would have been asked, as options. */
  constructor(world: Pick<World, 'stdin' | 'stderr' | 'signal'>, missing: string) {
    if (world.stdin.isTTY !== true) {
      throw new Failure('usage', 'Cannot ask for what is not given: stdin is no terminal', {
        facts: { hint: `Give ${missing}.` },
      })
    }
    this.#world = world
    this.#lines = createInterface({ input: world.stdin, terminal: false, signal: world.signal })
    this.#answers = this.#lines[Symbol.asyncIterator]()
  }

  /**
   * The answer to a question, without blanks at its ends. `read` takes it or throws an Error that says what is
   * wanted; the question is asked again then. Failure `stopped` at the end of the input or by the signal, `usage` after
   * too many answers that do not fit.
   */
  async ask<Answer>(question: string, read: (line: string) => Answer): Promise<Answer> {
    for (let trial = 1; trial <= trialsMax; trial++) {
      throwIfStopped(this.#world.signal)
      this.#world.stderr.write(`${question}: `)
      const next = await this.#answers.next()
      throwIfStopped(this.#world.signal)
      if (next.done === true) throw new Failure('stopped', 'Stopped before the question was answered')
      try {
        return read(next.value.trim())
      } catch (error) {
        if (!(error instanceof Error)) throw error
        this.#world.stderr.write(`${error.message}\n`)
      }
    }
    throw new Failure('usage', `Cannot go on: no answer to "${question}" fits`)
  }

  [Symbol.dispose](): void {
    this.#lines.close()
  }
}
