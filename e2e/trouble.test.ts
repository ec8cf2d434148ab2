import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { noOrdinaryUser } from '../testing/ordinary-user.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { mountSmallDisk, noSmallDisk } from '../testing/small-disk.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { treeDifferences } from '../testing/tree-differences.ts'
import { tryZakops, zakops } from './program.ts'

const nobody = 65534

test('a full disk ends a backup with a clear failure; what was stored stays valid, and with room it goes on', {
  skip: noSmallDisk,
}, async () => {
  await using folder = temporaryFolder('trouble')
  const source = folder.at('source')
  {
    using small = mountSmallDisk(folder.at('small'), 12)
    const repository = folder.at('small', 'repository')
    mkdirSync(source)
    for (let index = 0; index < 4; index++)
      writeFileSync(`${source}/first-${index}`, seededRandom(`first ${index}`).bytes(500_000))
    await zakops(['repo', 'init', '-r', repository])
    await zakops(['backup', '-r', repository, source])
    for (let index = 0; index < 30; index++)
      writeFileSync(`${source}/more-${index}`, seededRandom(`more ${index}`).bytes(1_000_000))
    const full = await tryZakops(['backup', '-r', repository, source])
    assert.equal(full.exitCode, 1, full.stderr)
    assert.match(full.stderr, /storage_full/)

    await zakops(['check', '-r', repository, '--read-data', '--no-lock'])
    small.grow(80)
    await zakops(['backup', '-r', repository, source])
    await zakops(['check', '-r', repository, '--read-data'])
    await zakops(['restore', '-r', repository, `latest:${source}`, '--target', folder.at('target')])
    assert.deepEqual(
      treeDifferences(source, folder.at('target')).filter((line) => !line.startsWith('.: ')),
      [],
    )
  }
})

test('files that the user may not read are gaps, with their paths; the rest is stored', {
  skip: noOrdinaryUser,
}, async () => {
  await using folder = temporaryFolder('trouble')
  const [repository, source] = [folder.at('repository'), folder.at('source')]
  mkdirSync(`${source}/closed`, { recursive: true })
  writeFileSync(`${source}/open`, 'everybody')
  writeFileSync(`${source}/secret`, 'nobody', { mode: 0o000 })
  writeFileSync(`${source}/closed/inside`, 'nobody')
  chmodSync(`${source}/closed`, 0o000)
  chmodSync(folder.path, 0o755)
  mkdirSync(repository)
  chownSync(repository, nobody, nobody)
  await zakops(['repo', 'init', '-r', repository], { user: nobody })
  const { stderr } = await zakops(['backup', '-r', repository, source], { user: nobody, exitCodes: [3] })
  assert.match(stderr, /source\/secret/)
  assert.match(stderr, /source\/closed/)
  await zakops(['check', '-r', repository, '--read-data'], { user: nobody })
  await zakops(['restore', '-r', repository, `latest:${source}`, '--include', 'open', '--target', folder.at('target')])
  assert.deepEqual(readdirSync(folder.at('target')), ['open'])
})

test('a storage that the user may not write to is a clear failure, and nothing is changed', {
  skip: noOrdinaryUser,
}, async () => {
  await using folder = temporaryFolder('trouble')
  const [repository, source] = [folder.at('repository'), folder.at('source')]
  mkdirSync(source)
  writeFileSync(`${source}/file`, 'content')
  await zakops(['repo', 'init', '-r', repository])
  chmodSync(folder.path, 0o755)
  execFileSync('chmod', ['-R', 'a+rX,a-w', repository])
  const before = readdirSync(repository, { recursive: true }).length
  const { exitCode, stderr } = await tryZakops(['backup', '-r', repository, source], { user: nobody })
  assert.equal(exitCode, 1)
  assert.match(stderr, /storage_denied/)
  assert.equal(readdirSync(repository, { recursive: true }).length, before)
})
