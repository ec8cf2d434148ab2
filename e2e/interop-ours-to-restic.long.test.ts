import assert from 'node:assert/strict'
import { keepsOddTargets } from '../testing/restic.ts'
import { makeSampleTree } from '../testing/sample-tree.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { treeDifferences } from '../testing/tree-differences.ts'
import { changeTree } from './change-tree.ts'
import { interopTest } from './interop-test.ts'
import { parseSnapshots, zakops } from './program.ts'

for (const format of [1, 2]) {
  interopTest(
    `restic checks and restores what we wrote, and we go on after its prune (format ${format})`,
    async (world) => {
      const { folder, restic } = world
      const [repository, source] = [folder.at('repository'), folder.at('source')]
      const { leftOut } = makeSampleTree(source, seededRandom('ours to restic'))
      for (const line of leftOut) world.context.diagnostic(`left out: ${line}`)

      await zakops(['repo', 'init', '-r', repository, '--repository-version', String(format)])
      await zakops(['backup', '-r', repository, '--tag', 'first', source])
      await restic(['-r', repository, 'check', '--read-data'])
      await restic(['-r', repository, 'restore', 'latest', '--target', folder.at('first')])
      assert.deepEqual(differences(source, folder.at('first') + source, restic.version), [])

      changeTree(source, seededRandom('change'))
      await zakops(['backup', '-r', repository, '--tag', 'second', source])
      const snapshots = parseSnapshots((await restic(['-r', repository, 'snapshots', '--json'])).stdout)
      assert.deepEqual(
        snapshots.map(({ tags, paths }) => ({ tags, paths })),
        [
          { tags: ['first'], paths: [source] },
          { tags: ['second'], paths: [source] },
        ],
      )
      assert.equal(snapshots[1]!.parent, snapshots[0]!.id)
      await restic(['-r', repository, 'restore', 'latest', '--target', folder.at('second')])
      assert.deepEqual(differences(source, folder.at('second') + source, restic.version), [])

      // restic adds a snapshot, removes one of ours, and repacks what we packed.
      await restic(['-r', repository, 'backup', '--tag', 'third', source])
      await restic(['-r', repository, 'forget', snapshots[0]!.id, '--prune', '--max-unused', '0'])
      await restic(['-r', repository, 'check', '--read-data'])
      await zakops(['check', '-r', repository, '--read-data'])
      await zakops(['restore', '-r', repository, 'latest', '--target', folder.at('third')])
      assert.deepEqual(differences(source, folder.at('third') + source, restic.version), [])
    },
  )
}

/** What restic restored otherwise than it was; without what this version of it is known to lose. */
function differences(source: string, target: string, version: string): string[] {
  const keepsAll = keepsOddTargets({ version })
  return treeDifferences(source, target).filter((line) => keepsAll || !line.startsWith('link-with-odd-target: '))
}
