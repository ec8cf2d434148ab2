import { type Gap, isHole } from '../../sources/files/gap.ts'

/** Gaps that are kept with their paths: nobody reads more, and a source that is gone must not exhaust the memory. */
const holesMax = 100_000
const othersMax = 10_000

/** The gaps of a run. Beyond a number they are only counted. */
export class GapList {
  readonly #kept: Gap[] = []
  #holes = 0
  #others = 0

  add(gap: Gap): void {
    const hole = isHole(gap)
    const count = hole ? ++this.#holes : ++this.#others
    if (count <= (hole ? holesMax : othersMax)) this.#kept.push(gap)
  }

  /** In the order of their arrival; holes are left out only where there are very many of them. */
  get kept(): readonly Gap[] {
    return this.#kept
  }

  /** How many were added that are not kept. */
  get omitted(): number {
    return this.#holes + this.#others - this.#kept.length
  }

  /** How many were added because of which the backup is less than it should be. */
  get holes(): number {
    return this.#holes
  }
}
