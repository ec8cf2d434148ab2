import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, lstatSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { excludeNothing } from '../../sources/files/exclude-rules.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { runRestore, type RestoreRun } from '../../../testing/run-restore.ts'
import { makeSampleTree } from '../../../testing/sample-tree.ts'
import { seededRandom } from '../../../testing/seeded-random.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { treeDifferences } from '../../../testing/tree-differences.ts'
import { backUp } from '../back-up/back-up.ts'

/** A tree with one of everything in `source`, its backup, and how to restore it. */
async function backedUp(folder: TemporaryFolder): Promise<Omit<RestoreRun, 'target'>> {
  const source = folder.at('source')
  makeSampleTree(source, seededRandom('round trip'))
  execFileSync('touch', ['-a', '-d', '2019-01-01T00:00:00.000000007Z', `${source}/plain/empty`, `${source}/fifo`])
  const repository = await freshRepository()
  const report = await backUp(
    {
      repository,
      paths: [source],
      workingDirectory: '/',
      hostname: 'host',
      excludes: excludeNothing,
      parent: 'none',
      read: 'all',
      withAtime: true,
      workers: 2,
    },
    { clock: systemClock, progress: () => {}, programVersion: 'test' },
    neverStopped(),
  )
  assert.deepEqual(report.gaps, [])
  return { repository, tree: report.tree, subpath: source }
}

/** Of all but the target itself, whose metadata are the user's. */
function differences(folder: TemporaryFolder): string[] {
  return treeDifferences(folder.at('source'), folder.at('target')).filter((line) => !line.startsWith('.:'))
}

test('restore() brings back every fact of every file of a real tree, and again when it was harmed', async () => {
  await using folder = temporaryFolder('round-trip')
  const run = { ...(await backedUp(folder)), target: folder.at('target') }
  const report = await runRestore({ ...run, workers: 2, verify: true })
  assert.deepEqual(report.problems, [])
  // Before the comparison reads the files.
  for (const path of ['plain/empty', 'fifo']) {
    assert.equal(lstatSync(folder.at('target', path), { bigint: true }).atimeNs, 1_546_300_800_000_000_007n, path)
  }
  assert.deepEqual(differences(folder), [])
  const [was, is] = ['source', 'target'].map((root) => statSync(folder.at(root, 'sparse')).blocks)
  assert.ok(is! <= was! + 2048, `the sparse file takes ${is} blocks, and took ${was}`)

  const again = await runRestore({ ...run, workers: 2 })
  assert.deepEqual([again.problems, again.bytesWritten, again.filesSkipped], [[], 0, again.files])
  assert.deepEqual(differences(folder), [])

  const target = folder.at('target')
  rmSync(`${target}/plain/deep`, { recursive: true })
  rmSync(`${target}/hard-link-1`)
  rmSync(`${target}/dangling`)
  writeFileSync(`${target}/dangling`, 'in the way')
  truncateSync(`${target}/plain/several-chunks`, 1_000_000)
  chmodSync(`${target}/set-ids`, 0o600)
  chmodSync(`${target}/empty-directory`, 0o700)
  execFileSync('sh', ['-c', 'echo x > plain/text; rm -r names/*'], { cwd: target })
  assert.notDeepEqual(differences(folder), [])
  assert.deepEqual((await runRestore({ ...run, workers: 2, verify: true })).problems, [])
  assert.deepEqual(differences(folder), [])
})

test('restore() makes the same tree over one with everything wrong, and keeps what is not of the snapshot', async () => {
  await using folder = temporaryFolder('round-trip')
  const run = { ...(await backedUp(folder)), target: folder.at('target') }
  await runRestore(run)
  const target = folder.at('target')
  // Every file has other content, everything another mode, owner and time.
  const harm = 'find . -type f -links 1 -exec sh -c \'for f; do echo other > "$f"; done\' sh {} +; chmod -R 700 .'
  execFileSync('sh', ['-c', `${harm}; find . -exec touch -h {} +`], { cwd: target })
  if (process.geteuid!() === 0) execFileSync('chown', ['-hR', '7:7', target])
  writeFileSync(`${target}/plain/mine`, 'not of the snapshot')
  assert.deepEqual((await runRestore({ ...run, workers: 2, verify: true })).problems, [])
  assert.deepEqual(differences(folder), ['plain/mine: was not there'])
  assert.equal(readFileSync(`${target}/plain/mine`, 'utf8'), 'not of the snapshot')
})
