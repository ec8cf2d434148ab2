import assert from 'node:assert/strict'
import { test } from 'node:test'
import { floorFaults, importedNames } from './floors.ts'

const faultsOf = (path: string, text: string): string[] => floorFaults([{ path, text }])

test('floorFaults() allows imports of the same floor and of the floors below', () => {
  const text =
    "import { a } from './pack.ts'\nimport type { B } from '../storage/storage.ts'\nimport fs from 'node:fs'\n"
  assert.deepEqual(faultsOf('src/repository/index.ts', text), [])
})

test('floorFaults() names an import upward, of a type as of a value, static as dynamic', () => {
  assert.deepEqual(faultsOf('src/storage/storage.ts', "import type { R } from '../repository/repository.ts'"), [
    'src/storage/storage.ts: imports ../repository/repository.ts: storage may not stand on repository',
  ])
  assert.equal(faultsOf('src/base/clock.ts', "const m = await import('../model/id.ts')").length, 1)
  assert.equal(faultsOf('src/model/id.ts', "export { a } from '../cli/a.ts'").length, 1)
  assert.equal(faultsOf('src/kernels/pool.ts', "new URL('../sources/files/gap.ts', import.meta.url)").length, 1)
  assert.equal(faultsOf('src/kernels/pool.ts', "workerUrl(import.meta.url, '../repository/repository')").length, 1)
})

test('floorFaults() lets nobody but main.ts, the floor itself and tests name an adapter', () => {
  const text = "import { localStorage } from '../storage/local/local-storage.ts'"
  assert.equal(faultsOf('src/repository/open.ts', text).length, 1)
  assert.deepEqual(faultsOf('src/repository/open.test.ts', text), [])
  assert.deepEqual(faultsOf('src/main.ts', text.replace('../', './')), [])
})

test('floorFaults() holds a test to the floor of what it tests, and lets it use testing/', () => {
  assert.equal(faultsOf('src/storage/a.test.ts', "import { a } from '../cli/a.ts'").length, 1)
  assert.deepEqual(faultsOf('src/storage/a.test.ts', "import { a } from '../../testing/a.ts'"), [])
  assert.equal(faultsOf('src/storage/a.ts', "import { a } from '../../testing/a.ts'").length, 1)
})

test('floorFaults() refuses an unknown floor, an import of main.ts, and a package out of its place', () => {
  assert.equal(faultsOf('src/helpers/a.ts', '').length, 1)
  assert.equal(faultsOf('src/cli/a.ts', "import { a } from '../main.ts'").length, 1)
  assert.equal(faultsOf('src/repository/a.ts', "import koffi from 'koffi'").length, 1)
  assert.deepEqual(faultsOf('src/posix/a.ts', "import koffi from 'koffi'"), [])
})

test('importedNames() reads every form, and no comment', () => {
  const text = [
    "import a from './a.ts'",
    'import {\n  b,\n} from "./b.ts"',
    "import './c.ts'",
    "await import('./d.ts')",
    "// import x from './x.ts'",
    " * import y from './y.ts'",
  ].join('\n')
  assert.deepEqual(importedNames(text).toSorted(), ['./a.ts', './b.ts', './c.ts', './d.ts'])
})
