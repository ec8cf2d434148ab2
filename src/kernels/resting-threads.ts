import { unrefTimer } from '../base/unref-timer.ts'

/** Threads that do one work at a time, and may rest between two. */
export interface RestingCrew extends AsyncDisposable {
  /** False once one of them has died. */
  readonly isWell: boolean
  /** Lets go of all that the last work left. From then on they do not keep the process from ending. */
  rest(): Promise<void>
  /** To be called before the next work. */
  wake(): void
}

/** Threads for one work. Disposing it ends them, unless they are to be kept. */
export interface Lent<Crew> extends AsyncDisposable {
  readonly crew: Crew
  /** All is done and nothing of it is under way: they may rest, and do other work. */
  keep(): void
}

/**
 * Keeps threads for the next work of their kind: a backup of a small source takes less time than its threads take to start. They
 * rest for a while, one crew of a kind, and end then.
 */
export class RestingThreads implements AsyncDisposable {
  readonly #restMsMax: number
  readonly #resting = new Map<new () => RestingCrew, { readonly crew: RestingCrew; readonly timer: Disposable }>()
  #isEnded = false

  constructor(restMsMax: number) {
    this.#restMsMax = restMsMax
  }

  /** Those that rest, or new ones. */
  lend<Crew extends RestingCrew>(Kind: new () => Crew): Lent<Crew> {
    const crew = this.#take(Kind) ?? new Kind()
    let isKept = false
    return {
      crew,
      keep: () => {
        isKept = true
      },
      [Symbol.asyncDispose]: async () => {
        if (isKept) await this.#put(Kind, crew)
        else await crew[Symbol.asyncDispose]()
      },
    }
  }

  /** Ends those that rest; none do from then on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true
    for (const Kind of this.#resting.keys()) await this.#end(Kind)
  }

  /** Undefined too where one of them died meanwhile; the others end then. */
  #take<Crew extends RestingCrew>(Kind: new () => Crew): Crew | undefined {
    const crew = this.#resting.get(Kind)?.crew as Crew | undefined // It was put under its own kind.
    if (crew?.isWell === false) {
      void this.#end(Kind)
      return undefined
    }
    this.#forget(Kind)
    crew?.wake()
    return crew
  }

  async #end(Kind: new () => RestingCrew): Promise<void> {
    const resting = this.#resting.get(Kind)
    this.#forget(Kind)
    await resting?.crew[Symbol.asyncDispose]()
  }

  #forget(Kind: new () => RestingCrew): void {
    this.#resting.get(Kind)?.timer[Symbol.dispose]()
    this.#resting.delete(Kind)
  }

  async #put(Kind: new () => RestingCrew, crew: RestingCrew): Promise<void> {
    if (this.#isEnded || this.#resting.has(Kind)) return await crew[Symbol.asyncDispose]()
    try {
      await crew.rest()
    } catch {
      return await crew[Symbol.asyncDispose]() // Their work was done well all the same.
    }
    // Another may have come to rest meanwhile.
    if (this.#isEnded || this.#resting.has(Kind)) return await crew[Symbol.asyncDispose]()
    const timer = unrefTimer(this.#restMsMax, () => void this.#end(Kind))
    this.#resting.set(Kind, { crew, timer })
  }
}

/** Threads that rest, where somebody keeps such, or new ones. */
export function lendCrew<Crew extends RestingCrew>(
  threads: RestingThreads | undefined,
  Kind: new () => Crew,
): Lent<Crew> {
  return threads === undefined ? lendOnce(new Kind()) : threads.lend(Kind)
}

/** Threads for one work alone. */
export function lendOnce<Crew extends AsyncDisposable>(crew: Crew): Lent<Crew> {
  return { crew, keep: () => {}, [Symbol.asyncDispose]: () => Promise.resolve(crew[Symbol.asyncDispose]()) }
}
