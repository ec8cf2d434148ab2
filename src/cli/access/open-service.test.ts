import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { commandContext } from '../../../testing/command-context.ts'
import { type CommandRun, runWords } from '../../../testing/fake-world.ts'
import { sampleRun } from '../../../testing/backup-samples.ts'
import { type TemporaryFolder, temporaryFolder } from '../../../testing/temporary-folder.ts'
import { neverStopped } from '../../base/abort.ts'
import { type Clock, systemClock } from '../../base/clock.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import { durableRunOf } from '../../control/due-order.ts'
import { doWhatIsDue, serve } from '../../control/service.ts'
import type { ServiceEvent } from '../../control/service-parts.ts'
import type { Run } from '../../model/run.ts'
import type { World } from '../world.ts'
import { type OpenedService, openService } from './open-service.ts'

/** A policy of production with one folder, at Monday, the first of February 2027, ten o'clock, until a test moves it. */
class Kept {
  readonly folder: TemporaryFolder
  readonly told: ServiceEvent[] = []
  #shiftMs = Date.parse('2027-02-01T10:00:00Z') - Date.now()
  /** What happens instead of sleeping. */
  onSleep: () => void = () => {}

  constructor(folder: TemporaryFolder) {
    this.folder = folder
  }

  get clock(): Clock {
    return {
      ...systemClock,
      now: () => new Date(Date.now() + this.#shiftMs),
      sleep: async (ms, signal) => {
        // Locks are kept up by sleeping as well.
        if (ms !== 30_000) return await systemClock.sleep(ms, signal)
        this.onSleep()
        await systemClock.sleep(1, signal)
      },
    }
  }

  moveTo(time: string): void {
    this.#shiftMs = Date.parse(time) - Date.now()
  }

  get world(): Partial<World> {
    return { workingDirectory: this.folder.path, clock: this.clock, userId: process.getuid!() }
  }

  async run(...words: string[]): Promise<CommandRun> {
    return await runWords(words, this.world)
  }

  async open(): Promise<OpenedService> {
    return await openService(commandContext(this.world), (event) => this.told.push(event))
  }

  /** What was told of runs: their names and ends. */
  get ends(): string[] {
    return this.told.flatMap((event) => ('run' in event ? [`${event.run.id} ${event.kind} ${event.run.state}`] : []))
  }
}

async function keepPolicy(folder: TemporaryFolder): Promise<Kept> {
  const kept = new Kept(folder)
  mkdirSync(folder.at('documents'))
  writeFileSync(folder.at('documents', 'a'), 'one')
  const words = [
    'init',
    '--environment',
    'production',
    '--yes',
    '--source',
    `files:documents=${folder.at('documents')}`,
  ]
  const made = await kept.run(...words, '--primary', folder.at('primary'), '--secondary', folder.at('secondary'))
  assert.equal(made.code, 0, made.stderr)
  return kept
}

test('run --due backs up what has no backup, then finds nothing, then the next day', async () => {
  await using folder = temporaryFolder('service')
  const kept = await keepPolicy(folder)
  const first = await kept.run('run', '--due')
  assert.equal(first.code, 0, first.stderr)
  assert.match(
    first.stderr,
    /^2027-02-01T10:00:\S+ backup documents \(due-20270201T1000Z-full:documents\): done: full /m,
  )
  assert.match((await kept.run('run', '--due')).stderr, /^nothing is due$/m)
  kept.moveTo('2027-02-02T02:00:00Z')
  const second = await kept.run('run', '--due', '--json')
  const line = second.stderr.split('\n').find((one) => one.startsWith('{'))
  assert.partialDeepStrictEqual(JSON.parse(line ?? '{}'), {
    message_type: 'run_ended',
    run_id: 'due-20270202T0200Z-incremental:documents',
    state: 'done',
    due_at: '2027-02-02T02:00:00.000Z',
  })
})

test('run --due answers with the worst run: a source that is gone fails, a secondary that is away leaves gaps', async () => {
  await using folder = temporaryFolder('service')
  const kept = await keepPolicy(folder)
  assert.equal((await kept.run('run', '--due')).code, 0)
  kept.moveTo('2027-02-01T14:00:00Z') // The month's restore test, while both locations are there.
  assert.equal((await kept.run('run', '--due')).code, 0)
  kept.moveTo('2027-02-02T02:00:00Z')
  renameSync(folder.at('secondary'), folder.at('away'))
  const gaps = await kept.run('run', '--due')
  assert.equal(gaps.code, 3, gaps.stderr)
  assert.match(gaps.stderr, /not at the secondary location yet/)
  renameSync(folder.at('away'), folder.at('secondary'))
  assert.match((await kept.run('run', '--due')).stderr, /nothing is due/)
  kept.moveTo('2027-02-02T03:01:00Z')
  const copied = await kept.run('run', '--due')
  assert.match(copied.stderr, /^\S+ replicate \(due-20270202T0300Z-replicate\): done: copied \d+ objects/m)
  const snapshots = (location: string): string[] =>
    readdirSync(folder.at(location, 'production', '1', 'repository', 'snapshots')).toSorted()
  assert.deepEqual(snapshots('secondary'), snapshots('primary'))
  kept.moveTo('2027-02-03T02:00:00Z')
  renameSync(folder.at('documents'), folder.at('gone'))
  const failed = await kept.run('run', '--due')
  assert.equal(failed.code, 1, failed.stderr)
  assert.match(failed.stderr, /failed \(source_unreadable\)/)
  assert.match((await kept.run('run', '--due')).stderr, /nothing is due/)
  renameSync(folder.at('gone'), folder.at('documents'))
  kept.moveTo('2027-02-03T02:05:30Z')
  const again = await kept.run('run', '--due')
  assert.equal(again.code, 0, again.stderr)
  assert.match(again.stderr, /due-20270203T0200Z-incremental-2:documents\): done/)
})

test('doWhatIsDue() has a run that could not even open the installation on record, and tries it again after a wait', async () => {
  await using folder = temporaryFolder('service')
  const kept = await keepPolicy(folder)
  await using service = await kept.open()
  const broken = { ...service.parts, openInstallation: refuseKey }
  const [first] = await doWhatIsDue(broken, neverStopped())
  assert.partialDeepStrictEqual(first, { id: 'due-20270201T1000Z-full:documents', failure: 'keyring_locked' })
  assert.deepEqual(await doWhatIsDue(service.parts, neverStopped()), [])
  kept.moveTo('2027-02-01T10:05:30Z')
  const [second] = await doWhatIsDue(service.parts, neverStopped())
  assert.partialDeepStrictEqual(second, { id: 'due-20270201T1000Z-full-2:documents', state: 'done' })
})

test('doWhatIsDue() leaves a run that was stopped to the next call, which ends it under the same name', async () => {
  await using folder = temporaryFolder('service')
  const kept = await keepPolicy(folder)
  await using service = await kept.open()
  const stop = new AbortController()
  const { parts } = service
  const openInstallation: typeof parts.openInstallation = async () => {
    stop.abort()
    return await parts.openInstallation()
  }
  await assert.rejects(doWhatIsDue({ ...parts, openInstallation }, stop.signal), (error) => isFailure(error, 'stopped'))
  assert.deepEqual(kept.ends, [])
  await doWhatIsDue(parts, neverStopped())
  assert.deepEqual(kept.ends, ['due-20270201T1000Z-full:documents ended done'])
})

test('doWhatIsDue() gives up a due run whose process died and that nobody took up, and does it again', async () => {
  await using folder = temporaryFolder('service')
  const kept = await keepPolicy(folder)
  await using service = await kept.open()
  const { parts } = service
  const dead = { ...parts.process, processId: 2 ** 22 + 1, birth: 'long/ago' }
  const dueAt = new Date('2027-02-01T10:00:00Z')
  const id = 'due-20270201T1000Z-full:documents'
  await parts.catalog.beginRun(sampleRun({ id, dueAt, startedAt: dueAt, process: dead }))
  assert.deepEqual(await doWhatIsDue(parts, neverStopped()), [])
  assert.deepEqual(kept.ends, [`${id} lost lost`])
  kept.moveTo('2027-02-01T10:05:30Z')
  await doWhatIsDue(parts, neverStopped())
  assert.equal(kept.ends[1], 'due-20270201T1000Z-full-2:documents ended done')
})

test('doWhatIsDue() finishes a verification whose process died right after its run began', async () => {
  await using folder = temporaryFolder('service')
  const kept = await keepPolicy(folder)
  await using service = await kept.open()
  const { parts } = service
  const dueAt = new Date('2027-02-01T09:00:00Z')
  const id = 'due-20270201T0900Z-verify'
  await parts.runs.start(durableRunOf({ id, procedure: 'verify', data: 'part', dueAt, attempt: 1 }))
  const begun = { id, procedure: 'verify', source: undefined, dueAt, startedAt: dueAt } as const
  await parts.catalog.beginRun(sampleRun({ ...begun, process: { ...parts.process, processId: 2 ** 22 + 1 } }))
  await doWhatIsDue(parts, neverStopped())
  assert.deepEqual(kept.ends, [`${id} ended done`, 'due-20270201T1000Z-full:documents ended done'])
})

test('doWhatIsDue() verifies each week: damage is a finding, a location that is away is tried again', async () => {
  await using folder = temporaryFolder('service')
  const kept = await keepPolicy(folder)
  await using service = await kept.open()
  const { parts } = service
  await doWhatIsDue(parts, neverStopped())
  kept.moveTo('2027-02-07T14:00:00Z') // Sunday; its full is late, and comes first.
  renameSync(folder.at('secondary'), folder.at('away'))
  const runs = await doWhatIsDue(parts, neverStopped())
  assert.deepEqual(withoutTests(runs), ['due-20270207T0200Z-full:documents gaps', 'due-20270207T1400Z-verify failed'])
  renameSync(folder.at('away'), folder.at('secondary'))
  const data = folder.at('secondary', 'production', '1', 'repository', 'data')
  rmSync(packsIn(data)[0]!)
  kept.moveTo('2027-02-07T14:06:00Z')
  assert.deepEqual(withoutTests(await doWhatIsDue(parts, neverStopped())), ['due-20270207T1400Z-verify-2 gaps'])
  const verifications = await parts.catalog.verifications()
  assert.ok(verifications.some(({ location, faults }) => location === 'secondary' && faults > 0))
  assert.ok(verifications.some(({ location, faults }) => location === 'primary' && faults === 0))
})

async function refuseKey(): Promise<never> {
  throw new Failure('keyring_locked', 'Cannot open the keyring: wrong key')
}

/** A restore test is due too, of a backup and from a location that chance decides. */
function withoutTests(runs: readonly Run[]): string[] {
  return runs.filter(({ procedure }) => procedure !== 'restore-test').map(statesOf)
}

function statesOf({ id, state }: Run): string {
  return `${id} ${state}`
}

function packsIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
}

test('serve() takes up a source that joins the policy, tells a broken policy once, and stops in order', async () => {
  await using folder = temporaryFolder('service')
  const kept = await keepPolicy(folder)
  const policy = folder.at('zakops-backup.yaml')
  const text = readFileSync(policy, 'utf8')
  await using service = await kept.open()
  const stop = new AbortController()
  let sleeps = 0
  kept.onSleep = () => {
    sleeps += 1
    if (sleeps === 1) appendFileSync(policy, 'nonsense: true\n')
    if (sleeps === 4) {
      mkdirSync(folder.at('more'))
      writeFileSync(
        policy,
        text.replace('sources:\n', `sources:\n  more: { kind: files, paths: ["${folder.at('more')}"] }\n`),
      )
    }
    if (sleeps === 5) stop.abort()
  }
  await serve(service.parts, stop.signal)
  assert.deepEqual(kept.ends, [
    'due-20270201T1000Z-full:documents ended done',
    'due-20270201T1000Z-full:more ended done',
  ])
  const troubles = kept.told.filter(({ kind }) => kind === 'trouble')
  assert.equal(troubles.length, 1)
})

test('openService() refuses a second one for the same state folder', async () => {
  await using folder = temporaryFolder('service')
  const kept = await keepPolicy(folder)
  await using service = await kept.open()
  const second = await kept.run('run', '--due')
  assert.equal(second.code, 4)
  assert.match(second.stderr, /another process does/)
  assert.ok(existsSync(join(service.policy.state, 'runs.lock')))
})
