import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { cheapCost } from '../../testing/fresh-repository.ts'
import { findRestics } from '../../testing/restic.ts'
import { storeSnapshot } from '../../testing/sample-repository.ts'
import { seededRandom, type SeededRandom } from '../../testing/seeded-random.ts'
import { temporaryFolder } from '../../testing/temporary-folder.ts'
import { neverStopped } from '../base/abort.ts'
import { systemClock } from '../base/clock.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { initRepository } from '../repository/init-repository.ts'
import type { Repository } from '../repository/repository.ts'
import { createLocalFolder } from '../storage/local/local-folder.ts'
import { localStorage } from '../storage/local/local-storage.ts'
import { check } from './check/check.ts'
import { executeForget } from './forget/forget.ts'
import { parseKeepCount, parseTagList, type ForgetPolicy } from './forget/forget-policy.ts'
import { parseGroupBy } from './forget/group-snapshots.ts'
import { parseLongDuration } from './forget/long-duration.ts'
import { planForget } from './forget/plan-forget.ts'
import { noProgress } from './progress.ts'
import { prune } from './prune/prune.ts'
import { pruneDefaults, type PruneOptions } from './prune/prune-options.ts'

const signal = neverStopped()
const seed = `restic agrees ${randomBytes(4).toString('hex')}`
const context = { progress: noProgress, random: (count: number): Uint8Array => randomBytes(count) }
const [restic] = findRestics()
const skip = restic === undefined ? 'no restic is on the PATH' : false
const plansAsJson = restic !== undefined && restic.version.localeCompare('0.19.0', 'en', { numeric: true }) >= 0

async function openAt(place: string, version: 1 | 2): Promise<Repository> {
  await createLocalFolder(place, signal)
  const origin = { hostname: 'host', username: 'user', clock: systemClock, random: context.random, cost: cheapCost }
  return await initRepository({ storage: localStorage(place), version, password: 'secret', ...origin }, signal)
}

function run(place: string, words: readonly string[]): string {
  const environment = { ...process.env, RESTIC_PASSWORD: 'secret', RESTIC_REPOSITORY: place, TZ: 'UTC' }
  const { status, stdout, stderr } = spawnSync(restic!.path, ['--no-cache', ...words], {
    env: environment,
    encoding: 'utf8',
  })
  assert.equal(status, 0, `restic ${words.join(' ')}: ${stderr}${stdout}`)
  return stdout
}

const tags = [[], ['a'], ['a', 'b'], ['c']] as const

async function storeManySnapshots(repository: Repository, random: SeededRandom): Promise<Snapshot[]> {
  await storeSnapshot(repository, { file: [Buffer.from('the same in all')] })
  const [first] = await repository.listSnapshots(signal)
  for (let number = 0; number < 80; number++) {
    const ageHours = random.below(24 * 30) * (1 + random.below(20))
    const second = Date.UTC(2026, 0, 1) / 1000 - ageHours * 3600 - random.below(3600)
    const zone = random.pick(['Z', '+02:00', '-05:30'])
    const data = {
      time: new Date(second * 1000).toISOString().replace('Z', `000${random.below(10)}${zone}`),
      tree: first!.tree,
      paths: random.pick([['/data'], ['/data', '/etc']]),
      hostname: random.pick(['one', 'two']),
      tags: random.pick(tags),
    }
    await repository.saveSnapshot(data, signal)
  }
  await repository.remove('snapshots', first!.id, signal)
  return await repository.listSnapshots(signal)
}

const policies: readonly (readonly [words: readonly string[], policy: ForgetPolicy, groupBy: string])[] = [
  [['--keep-last', '3'], { last: 3 }, 'host,paths'],
  [['--keep-daily', '5', '--keep-weekly', '4'], { daily: 5, weekly: 4 }, 'host'],
  [['--keep-hourly', 'unlimited', '--keep-yearly', '2'], { hourly: parseKeepCount('unlimited'), yearly: 2 }, ''],
  [
    ['--keep-monthly', '100', '--keep-tag', 'a,b', '--keep-tag', 'c'],
    { monthly: 100, tags: ['a,b', 'c'].map(parseTagList) },
    'paths',
  ],
  [['--keep-within', '2m3d', '--keep-last', '1'], { within: parseLongDuration('2m3d'), last: 1 }, 'host,tags'],
  [
    ['--keep-within-daily', '1m', '--keep-within-weekly', '3m', '--keep-within-yearly', '9y'],
    {
      withinDaily: parseLongDuration('1m'),
      withinWeekly: parseLongDuration('3m'),
      withinYearly: parseLongDuration('9y'),
    },
    'host',
  ],
]

function byFirst(a: { readonly keep: readonly string[] }, b: { readonly keep: readonly string[] }): number {
  return a.keep[0]! < b.keep[0]! ? -1 : 1
}

interface ResticGroup {
  readonly keep: readonly { readonly id: string }[] | null
  readonly remove: readonly { readonly id: string }[] | null
  readonly reasons:
    | readonly { readonly snapshot: { readonly id: string }; readonly matches: readonly string[] }[]
    | null
}

/** Whose rules ours are: older ones, such as Debian's 0.14, name other reasons and know fewer words. */
const hasOurRules = restic !== undefined && restic.version.localeCompare('0.18.0', 'en', { numeric: true }) >= 0

test('planForget() keeps what restic keeps, for its reasons', { skip }, async (told) => {
  if (!hasOurRules) {
    told.diagnostic(`left out: restic ${restic!.version} has older rules, 0.18 or newer has ours`)
    return
  }
  await using folder = temporaryFolder('forget-agrees')
  const repository = await openAt(folder.at('repository'), 2)
  const snapshots = await storeManySnapshots(repository, seededRandom(seed))
  for (const [words, policy, groupBy] of policies) {
    const answer = run(folder.at('repository'), ['forget', '--dry-run', '--json', '--group-by', groupBy, ...words])
    const groups = JSON.parse(answer.split('\n')[0]!) as ResticGroup[]
    const plan = planForget({
      snapshots,
      policy,
      groupBy: parseGroupBy(groupBy),
      now: '2026-11-01T00:00:00Z',
      removeAll: 'refuse',
    })
    const theirs = groups.map(({ keep, remove, reasons }) => ({
      keep: keep?.map(({ id }) => id) ?? [],
      remove: remove?.map(({ id }) => id) ?? [],
      // Before 0.15 restic named no ids here; the reasons stand in the order of what is kept.
      reasons:
        reasons?.map(({ snapshot, matches }, at) => `${snapshot.id ?? keep![at]!.id} ${matches.join('; ')}`) ?? [],
    }))
    const ours = plan.groups.map(({ keep, remove, reasons }) => ({
      keep: keep.map(({ id }) => id),
      remove: remove.map(({ id }) => id),
      reasons: reasons.map(({ snapshot, matches }) => `${snapshot.id} ${matches.join('; ')}`),
    }))
    assert.deepEqual(ours.toSorted(byFirst), theirs.toSorted(byFirst), `${seed}: ${words.join(' ')}`)
  }
})

/** Packs partly used, small, unused, uncompressed and named by no index. */
async function storePrunable(repository: Repository, random: SeededRandom): Promise<void> {
  const pool = Array.from({ length: 60 }, () => random.bytes(1 + random.below(400_000)))
  const ids = []
  for (let day = 1; day <= 6; day++) {
    const file = (): readonly Buffer[] => Array.from({ length: 6 }, () => random.pick(pool))
    const tree = { one: file(), two: { three: file() }, [`name ${day}`]: file() }
    const options = {
      time: `2026-01-0${day}T00:00:00Z`,
      blobsPerPack: 1 + random.below(8),
      compression: random.pick(['on', 'off'] as const),
    } as const
    ids.push(await storeSnapshot(repository, tree, options))
  }
  await executeForget({ remove: ids.slice(0, 3) }, repository, context, signal)
}

const pruneCases: readonly (readonly [words: readonly string[], options: PruneOptions])[] = [
  [[], pruneDefaults],
  [['--max-unused', '0'], { ...pruneDefaults, unusedLimit: { bytes: 0 } }],
  [['--max-unused', 'unlimited'], { ...pruneDefaults, unusedLimit: 'unlimited' }],
  [['--max-unused', '30%'], { ...pruneDefaults, unusedLimit: { percent: 30 } }],
  [
    ['--max-unused', '0', '--repack-cacheable-only'],
    { ...pruneDefaults, unusedLimit: { bytes: 0 }, dataPacks: 'keep' },
  ],
  [['--repack-uncompressed'], { ...pruneDefaults, uncompressedData: 'compress' }],
]

for (const version of [1, 2] as const) {
  test(`prune() plans what restic plans, and restic finds nothing wrong afterwards, format ${version}`, {
    skip,
  }, async () => {
    await using folder = temporaryFolder('prune-agrees')
    const place = folder.at('repository')
    const repository = await openAt(place, version)
    await storePrunable(repository, seededRandom(seed))
    for (const [words, options] of plansAsJson ? pruneCases : []) {
      if (version === 1 && words.includes('--repack-uncompressed')) continue // restic refuses it there.
      const { plan } = await prune({ repository, options, dryRun: true }, context, signal)
      const { blobs, bytes, packs } = plan.statistics
      const theirs = JSON.parse(run(place, ['prune', '--dry-run', '--json', ...words])) as Record<
        string,
        Record<string, number>
      >
      const told = `${seed}: prune ${words.join(' ')}`
      assert.deepEqual(snakeCase(blobs), theirs['blobs'], told)
      assert.deepEqual(snakeCase(bytes), theirs['bytes'], told)
      assert.deepEqual(snakeCase(packs), theirs['packfiles'], told)
    }
    await prune({ repository, options: { ...pruneDefaults, unusedLimit: { bytes: 0 } } }, context, signal)
    run(place, ['check', '--read-data'])
    assert.equal((JSON.parse(run(place, ['snapshots', '--json'])) as unknown[]).length, 3)
    const report = await check({ repository, read: 'all', workers: 1 }, context, signal)
    assert.deepEqual([report.faults, report.hints], [[], []])
  })
}

function snakeCase(counts: Readonly<Record<string, number>>): Record<string, number> {
  const entries = Object.entries(counts).map(
    ([name, count]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), count] as const,
  )
  return Object.fromEntries(entries)
}
