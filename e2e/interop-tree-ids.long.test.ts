import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { makeSampleTree } from '../testing/sample-tree.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { isAtLeast } from '../testing/restic.ts'
import { interopTest } from './interop-test.ts'
import { parseSnapshots, zakops } from './program.ts'

interopTest('the same files have the same tree id by restic and by us', async ({ context, folder, restic }) => {
  const source = folder.at('source')
  makeSampleTree(source, seededRandom('tree ids'))
  // Files of several chunks: the two cut them at other places, and that is all they may differ in.
  for (const path of ['plain/several-chunks', 'sparse']) rmSync(`${source}/${path}`)
  if (!isAtLeast(restic.version, '0.18.0')) {
    // Until 0.16 targets that are no UTF-8 were not kept, until 0.18 device_id was stored for every file.
    context.diagnostic(`restic ${restic.version} writes older nodes: only that it finds ours unchanged is tested`)
    await backUpBoth(folder.at('repository'))
    return
  }
  const { ours, theirs } = await backUpBoth(folder.at('repository'))
  assert.equal(ours, theirs)

  async function backUpBoth(repository: string): Promise<{ ours: string; theirs: string }> {
    await zakops(['repo', 'init', '-r', repository])
    // By ".", since the folders above the source belong to others, who change them meanwhile.
    await zakops(['backup', '-r', repository, '--tag', 'ours', '.'], { cwd: source })
    await restic(['-r', repository, 'backup', '--tag', 'theirs', '--force', '.'], { cwd: source })
    const snapshots = parseSnapshots((await restic(['-r', repository, 'snapshots', '--json'])).stdout)
    const treeOf = (tag: string): string => snapshots.find(({ tags }) => tags?.includes(tag))!.tree
    return { ours: treeOf('ours'), theirs: treeOf('theirs') }
  }
})

interopTest('each finds the files of the other unchanged', async ({ folder, restic }) => {
  const [repository, source] = [folder.at('repository'), folder.at('source')]
  makeSampleTree(source, seededRandom('unchanged'))
  await zakops(['repo', 'init', '-r', repository])
  await zakops(['backup', '-r', repository, source])
  const theirs = await restic(['-r', repository, 'backup', '--json', source])
  assert.deepEqual(counts(theirs.stdout), { files_new: 0, files_changed: 0 })
  const ours = await zakops(['backup', '-r', repository, '--json', source])
  assert.deepEqual(counts(ours.stdout), { files_new: 0, files_changed: 0 })
})

function counts(stdout: string): { files_new: number; files_changed: number } {
  const line = stdout.split('\n').find((text) => text.includes('"message_type":"summary"'))
  assert.ok(line !== undefined, `no summary in ${stdout}`)
  const { files_new, files_changed } = JSON.parse(line) as { files_new: number; files_changed: number }
  return { files_new, files_changed }
}
