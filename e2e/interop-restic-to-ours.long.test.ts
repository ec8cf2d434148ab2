import assert from 'node:assert/strict'
import { keepsOddTargets } from '../testing/restic.ts'
import { makeSampleTree } from '../testing/sample-tree.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { treeDifferences } from '../testing/tree-differences.ts'
import { changeTree } from './change-tree.ts'
import { interopTest } from './interop-test.ts'
import { parseSnapshots, type SnapshotFacts, zakops } from './program.ts'

for (const format of [1, 2]) {
  interopTest(`we list, check, restore, add to and prune what restic wrote (format ${format})`, async (world) => {
    const { folder, restic } = world
    const [repository, source] = [folder.at('repository'), folder.at('source')]
    makeSampleTree(source, seededRandom('restic to ours'))
    // A target that is no UTF-8 is lost by old versions.
    const except = keepsOddTargets(restic) ? undefined : 'link-with-odd-target: '
    const differences = (target: string): string[] =>
      treeDifferences(source, target + source).filter((line) => except === undefined || !line.includes(except))

    await restic(['-r', repository, 'init', '--repository-version', String(format)])
    await restic(['-r', repository, 'backup', '--tag', 'first', source])
    changeTree(source, seededRandom('one change'))
    await restic(['-r', repository, 'backup', '--tag', 'second', source])
    await restic(['-r', repository, 'backup', '--tag', 'other', `${source}/plain`])
    const all = parseSnapshots((await restic(['-r', repository, 'snapshots', '--json'])).stdout)
    await restic(['-r', repository, 'forget', idOf(all, 'first'), '--prune', '--max-unused', '0'])

    const theirs = parseSnapshots((await restic(['-r', repository, 'snapshots', '--json'])).stdout)
    const ours = parseSnapshots((await zakops(['snapshots', '-r', repository, '--json'])).stdout)
    assert.deepEqual(ours.map(comparable), theirs.map(comparable))
    await zakops(['check', '-r', repository, '--read-data'])
    await zakops(['restore', '-r', repository, 'latest', '--path', source, '--target', folder.at('theirs')])
    assert.deepEqual(differences(folder.at('theirs')), [])

    // We add a snapshot on top of theirs, and prune what they packed.
    makeSampleTree(`${source}/more`, seededRandom('more'))
    await zakops(['backup', '-r', repository, '--tag', 'ours', source])
    const added = parseSnapshots((await zakops(['snapshots', '-r', repository, '--json', '--tag', 'ours'])).stdout)
    assert.equal(added[0]?.parent, idOf(theirs, 'second'))
    await restic(['-r', repository, 'check', '--read-data'])
    await zakops(['forget', '-r', repository, '--path', `${source}/plain`, '--keep-last', '1'])
    await zakops(['forget', '-r', repository, idOf(theirs, 'second')])
    await zakops(['prune', '-r', repository, '--max-unused', '0'])
    await restic(['-r', repository, 'check', '--read-data'])
    await zakops(['check', '-r', repository, '--read-data'])
    await restic(['-r', repository, 'restore', 'latest', '--tag', 'ours', '--target', folder.at('pruned')])
    assert.deepEqual(differences(folder.at('pruned')), [])
    await restic(['-r', repository, 'backup', '--tag', 'last', source])
    await restic(['-r', repository, 'check', '--read-data'])
  })
}

/** What both programs print of a snapshot by the same names. */
function comparable({ id, time, tree, paths, hostname, tags, parent }: SnapshotFacts): unknown {
  return { id, time, tree, paths, hostname, tags, parent }
}

function idOf(snapshots: readonly SnapshotFacts[], tag: string): string {
  return snapshots.find(({ tags }) => tags?.includes(tag) === true)!.id
}
