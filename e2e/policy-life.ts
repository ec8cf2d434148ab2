import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type CommandRun, runWords } from '../testing/fake-world.ts'
import { parseDocument } from 'yaml'
import type { SeededRandom } from '../testing/seeded-random.ts'
import type { Clock } from '../src/base/clock.ts'
import { systemClock } from '../src/base/clock.ts'
import { openSqliteCatalog } from '../src/catalog/sqlite/sqlite-catalog.ts'
import { RestingThreads } from '../src/kernels/resting-threads.ts'
import { memoryRuns } from '../src/control/memory/memory-runs.ts'
import { openInstallation } from '../src/cli/access/open-installation.ts'
import type { World } from '../src/cli/world.ts'
import { openBackup } from '../src/procedures/restore/open-backup.ts'
import { runRestore } from '../testing/run-restore.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { commandContext } from '../testing/command-context.ts'
import { isPointBreached, KeptReference, type TakenBackup } from './policy-life-reference.ts'

const minuteMs = 60_000
const dayMs = 86_400_000
const sources = ['documents', 'orders'] as const
type Source = (typeof sources)[number]

/** What goes wrong on a day, and what is done. */
export interface DayPlan {
  /** The off-site location is away the whole day. */
  readonly outage?: boolean
  /** Sources that can not be read until so many minutes after the due time. */
  readonly broken?: { readonly source: Source; readonly minutes: number }
  /** The clock is so far ahead in the middle of the day, and then put back. */
  readonly jumpMs?: number
  readonly rotate?: boolean
  /** A source joins in the policy file, in the middle of the day. */
  readonly join?: 'orders'
  /** The machine sleeps: nobody looks what is due. */
  readonly asleep?: boolean
}

/** What a source held when a backup of it was taken. */
type Content = ReadonlyMap<string, string>

/**
 * A life of the policy, day by day, by the program's own command line in this process: real engine, real folders, and a
 * clock that is set to the time of each thing that happens. After each day it is compared with what the policy says.
 */
export class PolicyLife {
  readonly folder: string
  readonly random: SeededRandom
  readonly kept = { primary: newReferences(), secondary: newReferences() }
  readonly taken = new Map<string, TakenBackup>()
  readonly contents = new Map<string, Content>()
  day = 0
  /** As in a process that goes on: `serve`. */
  readonly #threads = new RestingThreads(minuteMs)
  #shiftMs = 0

  constructor(folder: string, random: SeededRandom) {
    this.folder = folder
    this.random = random
  }

  get clock(): Clock {
    return { ...systemClock, now: () => new Date(Date.now() + this.#shiftMs) }
  }

  /** How many backups of a kind were taken of a source. */
  count(source: Source, kind: string): number {
    return [...this.taken.values()].filter((one) => one.source === source && one.kind === kind).length
  }

  /** Writes the policy of production on Monday, the first of February 2027, half past midnight. */
  async begin(): Promise<void> {
    mkdirSync(join(this.folder, 'documents'))
    for (let count = 0; count < 12; count++) this.#changeSources()
    this.#setTime(0, 30)
    const words = ['init', '--environment', 'production', '--yes']
    for (const location of ['primary', 'secondary']) words.push(`--${location}`, join(this.folder, location))
    words.push('--source', `files:documents=${join(this.folder, 'documents')}`)
    await this.#well(words)
    await this.#look()
  }

  /** Lives through a day and compares. */
  async live(plan: DayPlan): Promise<void> {
    this.day += 1
    this.#changeSources()
    if (plan.asleep === true) return
    // Another minute each day, so that no two days are exactly as far apart as the policy's limits.
    const minute = 121 + ((this.day * 7) % 53)
    if (plan.outage === true) renameSync(this.#at('secondary'), this.#at('secondary-away'))
    if (plan.broken !== undefined) this.#break(plan.broken.source)
    for (const waited of [0, 6, 17, 38, 79]) {
      if (plan.broken !== undefined && waited >= plan.broken.minutes) this.#mend(plan.broken.source)
      this.#setTime(0, minute + waited)
      await this.#look()
      if (plan.broken === undefined) break
    }
    if (plan.broken !== undefined) this.#mend(plan.broken.source)
    if (plan.rotate === true) {
      this.#setTime(9, 0)
      await this.#well(['keys', 'rotate'])
    }
    if (plan.join !== undefined) {
      this.#setTime(9, 30)
      this.#joinOrders()
      await this.#look()
    }
    if (plan.jumpMs !== undefined) {
      this.#setTime(10, 0, plan.jumpMs)
      await this.#look()
    }
    if (this.#isSunday) {
      this.#setTime(14, 5)
      await this.#look()
    }
    this.#setTime(22, 0)
    await this.#compare(plan.outage === true)
    if (plan.outage === true) renameSync(this.#at('secondary-away'), this.#at('secondary'))
  }

  async words(words: readonly string[]): Promise<CommandRun> {
    return await runWords(words, this.#world())
  }

  #world(): Partial<World> {
    return {
      workingDirectory: this.folder,
      clock: this.clock,
      threads: this.#threads,
      userId: process.getuid!(),
      openRuns: async () => memoryRuns(),
    }
  }

  /** Does what is due, and notes what was backed up. */
  async #look(): Promise<void> {
    const before = await this.#newestProven()
    const run = await this.words(['run', '--due'])
    assert.ok([0, 1, 3].includes(run.code), `day ${this.day}: ${run.code} ${run.stderr}`)
    const after = await this.#newestProven()
    const provenOf = (source: Source) => ({ before: before[source], after: after[source] })
    await using catalog = await openSqliteCatalog(this.#at('zakops-state', 'catalog.sqlite'))
    const backedUp = new Set<Source>()
    for (const { id, source, kind, takenAt } of await catalog.backups({ includeRemoved: true })) {
      if (this.taken.has(id)) continue
      const backup = { id, source, kind, takenAt }
      this.taken.set(id, backup)
      this.contents.set(id, this.contentOf(source as Source))
      this.kept.primary[source as Source].add(backup)
      backedUp.add(source as Source)
    }
    const isCopied = /^\S+ (backup|replicate) /m.test(run.stderr) && existsSync(this.#at('secondary'))
    for (const source of sources) {
      if (backedUp.has(source)) this.kept.primary[source].apply(this.clock.now(), provenOf(source))
      if (!isCopied) continue
      this.kept.secondary[source].follow(this.kept.primary[source])
      if (backedUp.has(source)) this.kept.secondary[source].apply(this.clock.now(), provenOf(source))
    }
  }

  /** The generations of the backups that the catalog says lie at a location. */
  async generationsHeld(location: 'primary' | 'secondary'): Promise<string[]> {
    await using catalog = await openSqliteCatalog(this.#at('zakops-state', 'catalog.sqlite'))
    const copies = (await catalog.copies()).filter((copy) => copy.location === location)
    const there = new Set(copies.map(({ backup }) => backup))
    const held = (await catalog.backups()).filter(({ id }) => there.has(id))
    return [...new Set(held.map(({ generation }) => String(generation)))].toSorted()
  }

  /** Of each source, the newest backup that was last found equal to its manifest, and the newest of those that the clock has reached. */
  async #newestProven(): Promise<Record<Source, ReadonlySet<string>>> {
    await using catalog = await openSqliteCatalog(this.#at('zakops-state', 'catalog.sqlite'))
    const last = new Map((await catalog.proofs()).map((proof) => [`${proof.backup} ${proof.location}`, proof]))
    const equal = new Set([...last.values()].filter(({ outcome }) => outcome === 'equal').map(({ backup }) => backup))
    const backups = (await catalog.backups()).filter(({ id }) => equal.has(id))
    const now = this.clock.now()
    const shieldedOf = (source: Source): ReadonlySet<string> => {
      const own = backups.filter((one) => one.source === source)
      const newest = [own.at(-1), own.findLast(({ takenAt }) => takenAt <= now)]
      return new Set(newest.flatMap((one) => (one === undefined ? [] : [one.id])))
    }
    return { documents: shieldedOf('documents'), orders: shieldedOf('orders') }
  }

  /**
   * Restores backups from a location and compares each with what the source held when it was taken: all that are kept, or
   * so many by chance.
   */
  async restoreKept(location: 'primary' | 'secondary', count = Number.POSITIVE_INFINITY): Promise<number> {
    const stored = [...this.storedAt(location)]
    const chosen = count >= stored.length ? stored : Array.from({ length: count }, () => this.random.pick(stored))
    const context = commandContext(this.#world())
    await using opened = await openInstallation(context)
    const { installation } = opened
    const backups = new Map((await installation.catalog.backups()).map((backup) => [backup.id, backup]))
    for (const id of chosen) {
      const backup = backups.get(id)
      assert.ok(backup !== undefined, `day ${this.day}: ${location} holds ${id}, which is not on record`)
      const source = backup.source as Source
      await using copy = await openBackup(installation, { backup, location }, { notice: () => {} }, context.signal)
      await using target = temporaryFolder('restored', this.folder)
      const { problems } = await runRestore({
        repository: copy.repository,
        tree: copy.snapshot.tree,
        target: target.path,
      })
      assert.deepEqual(problems, [])
      const restored = join(target.path, source === 'documents' ? join(this.folder, 'documents') : '')
      const found = this.contentOf(source, source === 'documents' ? restored : soleFile(target.path))
      assert.deepEqual(found, this.contents.get(id), `day ${this.day}: ${source} ${id} from ${location}`)
    }
    return chosen.length
  }

  /** The present content of a source, or of what was restored of one. */
  contentOf(source: Source, restored?: string): Content {
    if (source === 'documents') {
      const folder = restored ?? this.#at('documents')
      return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]))
    }
    const database = new DatabaseSync(restored ?? this.#at('orders.db'))
    const rows = database.prepare('SELECT id, body FROM orders').all()
    database.close()
    return new Map(rows.map((row) => [String(row['id']), String(row['body'])]))
  }

  async #compare(isOutage: boolean): Promise<void> {
    const locations = isOutage ? (['primary'] as const) : (['primary', 'secondary'] as const)
    const faults: string[] = []
    const stored = new Map(locations.map((location) => [location, this.storedAt(location)]))
    for (const source of sources) {
      for (const [location, ids] of stored) {
        const ofSource = new Set([...ids].filter((id) => this.taken.get(id)?.source === source))
        faults.push(...this.kept[location][source].faults(ofSource, `${location} ${source}`))
      }
    }
    for (const [location, ids] of stored) {
      faults.push(...[...ids].filter((id) => !this.taken.has(id)).map((id) => `${location}: ${id} is unknown`))
    }
    assert.deepEqual(faults, [], `day ${this.day}`)
    await this.#compareStatus()
  }

  /** The snapshots that lie at a location, in whatever generation. */
  storedAt(location: string): Set<string> {
    const folder = this.#at(location, 'production')
    const generations = existsSync(folder) ? readdirSync(folder) : []
    return new Set(
      generations.flatMap((generation) => {
        const snapshots = join(folder, generation, 'repository', 'snapshots')
        return existsSync(snapshots) ? readdirSync(snapshots) : []
      }),
    )
  }

  async #compareStatus(): Promise<void> {
    const { stdout, stderr, code } = await this.words(['status', '--json'])
    assert.ok(code === 0 || code === 5, stderr)
    const status = JSON.parse(stdout) as StatusDocument
    const inPlaces = ['primary', existsSync(this.#at('secondary')) ? 'secondary' : 'secondary-away'].map((place) =>
      this.storedAt(place),
    )
    const now = this.clock.now()
    let isBreached = false
    for (const { source, newest_good: good, last_full: full } of status.sources) {
      // What the clock has not reached is counted for nothing by either.
      const mine = [...this.taken.values()].filter((one) => one.source === source && one.takenAt <= now)
      const everywhere = mine.filter(({ id }) => inPlaces.every((ids) => ids.has(id)))
      assert.equal(good?.id, newestOf(everywhere)?.id, `day ${this.day}: newest good of ${source}`)
      const lastFull = newestOf(mine.filter(({ id, kind }) => kind === 'full' && inPlaces[0]!.has(id)))
      assert.equal(full?.id, lastFull?.id, `day ${this.day}: last full of ${source}`)
      isBreached ||= isPointBreached(everywhere, now)
    }
    const point = status.clauses.find(({ clause }) => clause === 'Recovery point (RPO)')
    assert.equal(point?.state === 'breached', isBreached, `day ${this.day}: ${point?.state} ${point?.evidence}`)
    assert.equal(status.state === 'breached', code === 5)
  }

  #changeSources(): void {
    const name = join(this.#at('documents'), `file-${this.random.below(20)}`)
    if (existsSync(name) && this.random.below(3) === 0) rmSync(name)
    else writeFileSync(name, this.random.bytes(this.random.pick([0, 100, 3_000, 20_000])).toString('hex'))
    const database = new DatabaseSync(this.#at('orders.db'))
    database.exec('CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, body TEXT)')
    database.prepare('INSERT INTO orders (body) VALUES (?)').run(this.random.bytes(50).toString('hex'))
    database.close()
  }

  get #isSunday(): boolean {
    return this.day % 7 === 6
  }

  #joinOrders(): void {
    const path = this.#at('zakops-backup.yaml')
    const document = parseDocument(readFileSync(path, 'utf8'))
    document.setIn(['sources', 'orders'], { kind: 'sqlite', path: this.#at('orders.db') })
    writeFileSync(path, document.toString())
  }

  #break(source: Source): void {
    const name = source === 'documents' ? 'documents' : 'orders.db'
    renameSync(this.#at(name), this.#at(`${name}.gone`))
  }

  #mend(source: Source): void {
    const name = source === 'documents' ? 'documents' : 'orders.db'
    if (existsSync(this.#at(`${name}.gone`))) renameSync(this.#at(`${name}.gone`), this.#at(name))
  }

  #setTime(hour: number, minute: number, aheadMs = 0): void {
    const at = Date.parse('2027-02-01T00:00:00Z') + this.day * dayMs + (hour * 60 + minute) * minuteMs
    this.#shiftMs = at + aheadMs - Date.now()
  }

  #at(...names: string[]): string {
    return join(this.folder, ...names)
  }

  async #well(words: readonly string[]): Promise<void> {
    const run = await this.words(words)
    assert.equal(run.code, 0, run.stderr)
  }
}

interface StatusDocument {
  readonly state: string
  readonly clauses: readonly { readonly clause: string; readonly state: string; readonly evidence: string }[]
  readonly sources: readonly {
    readonly source: string
    readonly newest_good: { readonly id: string } | null
    readonly last_full: { readonly id: string } | null
  }[]
}

function newestOf(backups: readonly TakenBackup[]): TakenBackup | undefined {
  return backups.toSorted((a, b) => b.takenAt.getTime() - a.takenAt.getTime())[0]
}

function newReferences(): Readonly<Record<Source, KeptReference>> {
  return { documents: new KeptReference(), orders: new KeptReference() }
}

/** The database in a folder, beside what the program adds. */
function soleFile(folder: string): string {
  const [name] = readdirSync(folder).filter((one) => !one.startsWith('.'))
  return join(folder, name!)
}
