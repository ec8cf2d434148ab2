import assert from 'node:assert/strict'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import { createLocalFolder } from './local-folder.ts'
import { localStorage } from './local-storage.ts'

test('localStorage() calls a sparse file of terabytes damaged before it asks for memory', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'zakops-oversized-'))
  context.after(() => rm(folder, { recursive: true }))
  const signal = neverStopped()
  await createLocalFolder(folder, signal)
  await writeFile(join(folder, 'config'), 'small at first')
  await truncate(join(folder, 'config'), 2 ** 42)
  const storage = localStorage(folder)
  await assert.rejects(storage.get('config', {}, signal), (error) => isFailure(error, 'repository_damaged'))
  const range = { offset: 0, length: 2 ** 41 }
  await assert.rejects(storage.get('config', { range }, signal), (error) => isFailure(error, 'repository_damaged'))
  assert.equal(
    Buffer.from(await storage.get('config', { range: { offset: 0, length: 5 } }, signal)).toString(),
    'small',
  )
})
