import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { projectFolder } from '../scripts/source-files.ts'
import { runWell } from '../testing/run-program.ts'
import { makeSampleTree } from '../testing/sample-tree.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { treeDifferences } from '../testing/tree-differences.ts'
import { environment, parseLines } from './program.ts'

// All other tests run the sources. The published package has other files, in which the same modules are bundled.
test('the program as it is published initializes, backs up twice, checks, restores and names itself', async () => {
  await using folder = temporaryFolder('published')
  mkdirSync(folder.at('installed', 'bin'), { recursive: true })
  await runWell(process.execPath, [join(projectFolder, 'scripts/build.ts'), folder.at('installed', 'dist')], {})
  for (const name of ['node_modules', 'package.json'])
    symlinkSync(join(projectFolder, name), folder.at('installed', name))
  copyFileSync(join(projectFolder, 'bin/zakops-backup'), folder.at('installed', 'bin', 'zakops-backup'))
  // As npm has it: a symlink on the PATH leads to the start script.
  symlinkSync('installed/bin/zakops-backup', folder.at('zakops-backup'))
  const programs = [folder.at('installed', 'bin', 'zakops-backup'), folder.at('zakops-backup')]
  const run = async (program: string, ...words: string[]): Promise<string> => {
    const settings = { ...environment, RESTIC_REPOSITORY: folder.at('repository'), XDG_CACHE_HOME: folder.at('cache') }
    return (await runWell(program, words, { cwd: folder.path, environment: settings })).stdout
  }
  makeSampleTree(folder.at('source'), seededRandom('published'))
  for (const program of programs) assert.match(await run(program, 'version'), /^zakops-backup \d/)
  await run(programs[0]!, 'repo', 'init')
  await run(programs[0]!, 'backup', 'source')
  const again = parseLines(await run(programs[1]!, 'backup', '--json', 'source')).at(-1)!
  assert.deepEqual([again['files_new'], again['files_changed'], again['dirs_changed']], [0, 0, 0])
  await run(programs[1]!, 'check', '--read-data')
  await run(programs[0]!, 'restore', 'latest', '--target', folder.at('target'))
  assert.deepEqual(treeDifferences(folder.at('source'), folder.at('target', 'source')), [])
})
