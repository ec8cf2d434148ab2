import assert from 'node:assert/strict'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Node } from '../../model/node.ts'
import { faultStorage, type FaultHook } from '../../storage/fault-storage.ts'
import { memoryStorage } from '../../storage/memory/memory-storage.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { problemLines, runRestore, type RestoreRun } from '../../../testing/run-restore.ts'
import { node, SnapshotBuilder } from '../../../testing/snapshot-builder.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { factDifferences } from '../../../testing/tree-differences.ts'
import { treeFacts } from '../../../testing/tree-facts.ts'

/** A folder with a target, and beside it what no restore may touch. */
class Scene implements AsyncDisposable {
  readonly #folder: TemporaryFolder = temporaryFolder('security')
  readonly #before: ReturnType<typeof treeFacts>

  constructor() {
    mkdirSync(this.outside('directory'), { recursive: true })
    writeFileSync(this.outside('victim'), 'untouched')
    writeFileSync(this.outside('directory/victim'), 'untouched')
    this.#before = treeFacts(this.outside())
  }

  target(path = ''): string {
    return this.#folder.at('target', path)
  }

  outside(path = ''): string {
    return this.#folder.at('outside', path)
  }

  at(name: string): string {
    return this.#folder.at(name)
  }

  /** Nothing but the target was made, and what is outside is as it was: content, times, owner and mode. */
  assertUntouched(except: readonly string[] = []): void {
    assert.deepEqual(factDifferences(this.#before, treeFacts(this.outside())), [])
    const made = readdirSync(this.#folder.path).filter((name) => !except.includes(name))
    assert.deepEqual(made.toSorted(), ['outside', 'target'])
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#folder[Symbol.asyncDispose]()
  }
}

async function runOf(
  scene: Scene,
  make: (builder: SnapshotBuilder) => readonly Node[],
  before?: FaultHook,
): Promise<RestoreRun> {
  const storage = faultStorage(memoryStorage(), before === undefined ? {} : { before })
  const repository = await freshRepository({ storage })
  const builder = new SnapshotBuilder(repository)
  const tree = builder.tree(make(builder))
  await builder.end()
  return { repository, tree, target: scene.target() }
}

const badNames = ['..', '.', '', '/', '../outside/victim', '../outside', 'a/b', 'a/../../outside/victim', 'a\0b']

for (const kind of ['file', 'directory', 'symlink', 'fifo', 'hard link'] as const) {
  test(`restore() makes no ${kind} of a name that leads elsewhere, and names it`, async () => {
    for (const name of [...badNames, 'harmless']) {
      await using scene = new Scene()
      const absolute = name === '/' ? scene.outside('absolute') : name
      const run = await runOf(scene, (builder) => {
        const first = builder.file('first', ['evil'], { links: 2, inode: 5 })
        const nodes = {
          file: builder.file(absolute, ['evil']),
          directory: builder.directory(absolute, [builder.file('victim', ['evil'])]),
          symlink: builder.symlink(absolute, '../outside'),
          fifo: node('fifo', absolute, 0o666),
          'hard link': { ...first, name: absolute },
        }
        return [first, nodes[kind], builder.file('z', ['good'])]
      })
      const report = await runRestore({ ...run, verify: true })
      scene.assertUntouched()
      assert.equal(readFileSync(scene.target('z'), 'utf8'), 'good')
      const isHarmless = name === 'harmless'
      assert.deepEqual(problemLines(report), isHarmless ? [] : [`/${absolute}: target_unsafe`])
      // The control: the same by a plain name is restored.
      assert.deepEqual(readdirSync(scene.target()).toSorted(), isHarmless ? ['first', 'harmless', 'z'] : ['first', 'z'])
    }
  })
}

test('restore() puts nothing below a symlink that its own tree plants', async () => {
  for (const order of ['link first', 'directory first'] as const) {
    await using scene = new Scene()
    const run = await runOf(scene, (builder) => {
      const inside = [builder.file('victim', ['evil']), builder.file('new', ['evil'])]
      const pair = [builder.symlink('way', '../outside'), builder.directory('way', inside)]
      return [...(order === 'link first' ? pair : pair.toReversed()), builder.file('z', ['good'])]
    })
    // Twice, so that the second run meets what the first one left.
    for (let round = 0; round < 2; round++) {
      const report = await runRestore(run)
      scene.assertUntouched()
      assert.deepEqual(problemLines(report), ['/way: repository_damaged'])
      assert.equal(lstatSync(scene.target('way')).isSymbolicLink(), order === 'link first')
      assert.equal(readFileSync(scene.target('z'), 'utf8'), 'good')
    }
  }
})

test('restore() writes no file through a symlink of the same name in its tree', async () => {
  for (const order of ['link first', 'file first'] as const) {
    await using scene = new Scene()
    const run = await runOf(scene, (builder) => {
      const pair = [builder.symlink('victim', '../outside/victim'), builder.file('victim', ['evil'])]
      return order === 'link first' ? pair : pair.toReversed()
    })
    const report = await runRestore(run)
    scene.assertUntouched()
    assert.deepEqual(problemLines(report), ['/victim: repository_damaged'])
  }
})

test('restore() goes into no node that is not a directory, and takes no content from one', async () => {
  await using scene = new Scene()
  const run = await runOf(scene, (builder) => {
    const inside = builder.directory('d', [builder.file('f', ['content'])])
    return [
      { ...builder.symlink('link', '../outside'), ...(inside.subtree !== undefined && { subtree: inside.subtree }) },
      { ...builder.file('plain', ['content']), ...(inside.subtree !== undefined && { subtree: inside.subtree }) },
      { ...inside, name: 'z', content: [builder.data(Buffer.from('content'))] },
    ]
  })
  const report = await runRestore(run)
  scene.assertUntouched()
  assert.deepEqual(report.problems, [])
  assert.equal(readFileSync(scene.target('plain'), 'utf8'), 'content')
  assert.deepEqual(readdirSync(scene.target('z')), ['f'])
})

const honest = (builder: SnapshotBuilder): readonly Node[] => [
  builder.file('a', ['content'], { links: 2, inode: 5 }),
  builder.directory('d', [
    builder.directory('e', [builder.file('victim', ['content']), builder.symlink('l', 'x')]),
    builder.file('link', ['content'], { links: 2, inode: 5 }),
    builder.file('victim', ['content']),
  ]),
  builder.file('victim', ['content']),
]

test('restore() follows no symlink that lies in its target', async () => {
  for (const workers of [1, 2]) {
    await using scene = new Scene()
    mkdirSync(scene.target('d'), { recursive: true })
    symlinkSync('../../outside', scene.target('d/e'))
    symlinkSync('../outside/victim', scene.target('victim'))
    symlinkSync('../../outside/victim', scene.target('d/victim'))
    symlinkSync('../../outside/new', scene.target('d/link'))
    const run = await runOf(scene, honest)
    for (const dryRun of [true, false]) {
      const report = await runRestore({ ...run, workers, dryRun })
      scene.assertUntouched()
      assert.deepEqual(problemLines(report), ['/d/e: target_unsafe'])
      assert.match(report.problems[0]!.detail, /"d\/e".*symlink/)
    }
    // Files take the place of symlinks, which only they themselves had.
    assert.ok(lstatSync(scene.target('d/victim')).isFile())
    assert.ok(lstatSync(scene.target('victim')).isFile())
    assert.ok(lstatSync(scene.target('d/link')).isFile())
  }
  // The control: these links do lead there.
  await using scene = new Scene()
  mkdirSync(scene.target('d'), { recursive: true })
  symlinkSync('../../outside', scene.target('d/e'))
  writeFileSync(scene.target('d/e/victim'), 'changed')
  assert.throws(() => scene.assertUntouched())
})

test('restore() lets its target itself be reached through a symlink, as the user named it', async () => {
  await using scene = new Scene()
  mkdirSync(scene.at('real'))
  symlinkSync('real', scene.at('named'))
  const run = await runOf(scene, honest)
  const report = await runRestore({ ...run, target: join(scene.at('named'), 'sub') })
  assert.deepEqual(report.problems, [])
  assert.equal(readFileSync(join(scene.at('real'), 'sub/victim'), 'utf8'), 'content')
})

/** Does something once: before the first reading of a pack that finds the directories of the honest snapshot made. */
function beforeFirstContent(scene: Scene, action: () => void): { readonly hook: FaultHook; hasRun: boolean } {
  const once = {
    hasRun: false,
    hook: ({ verb, objectName }: { readonly verb: string; readonly objectName: string }): void => {
      if (once.hasRun || verb !== 'get' || !objectName.startsWith('data/') || !existsSync(scene.target('d/e'))) return
      once.hasRun = true
      action()
    },
  }
  return once
}

test('restore() follows no symlink that is planted while it runs', async () => {
  for (const workers of [1, 2]) {
    await using scene = new Scene()
    const planting = beforeFirstContent(scene, () => {
      renameSync(scene.target('d/e'), scene.target('moved'))
      symlinkSync('../../outside', scene.target('d/e'))
      symlinkSync('../outside/victim', scene.target('victim'))
      symlinkSync('../outside/victim', scene.target('a'))
    })
    const run = await runOf(scene, honest, planting.hook)
    const report = await runRestore({ ...run, workers })
    assert.ok(planting.hasRun)
    scene.assertUntouched()
    // What the link hides is told; what only was in the way is replaced.
    assert.ok(problemLines(report).includes('/d/e/victim: target_unsafe') || existsSync(scene.target('moved/victim')))
    assert.equal(readFileSync(scene.target('victim'), 'utf8'), 'content')
    assert.equal(readFileSync(scene.target('d/link'), 'utf8'), 'content')
    assert.ok(lstatSync(scene.target('d/e')).isSymbolicLink())
  }
})

/** Nothing lies in the target itself that would be looked at first: the workers start when the first content is read. */
const nested = (builder: SnapshotBuilder): readonly Node[] => [
  builder.directory('d', [builder.directory('e', [builder.file('victim', ['content'])])]),
]

test('restore() stays in the directory that was its target, when a symlink takes its path while it runs', async () => {
  await using scene = new Scene()
  const planting = beforeFirstContent(scene, () => {
    renameSync(scene.target(), scene.at('moved'))
    symlinkSync('outside', scene.target())
  })
  const run = await runOf(scene, nested, planting.hook)
  const report = await runRestore({ ...run, workers: 2, verify: true })
  assert.ok(planting.hasRun)
  scene.assertUntouched(['moved'])
  assert.deepEqual(report.problems, [])
  assert.equal(readFileSync(join(scene.at('moved'), 'd/e/victim'), 'utf8'), 'content')
})

test('restore() tells metadata that can not be as problems, and sets the rest', async () => {
  await using scene = new Scene()
  const odd: Partial<Node> = {
    mode: 2 ** 52 + 0o640,
    uid: 2 ** 32, // The system would take it for root's.
    gid: 2 ** 32 - 1,
    mtime: '9999-12-31T23:59:59.999999999Z',
    extended_attributes: [
      { name: 'user.a\0b', value: 'AA==' },
      { name: '', value: null },
      { name: 'x'.repeat(300), value: 'AA==' },
      { name: 'user.large', value: Buffer.alloc(100_000).toString('base64') },
      { name: 'system.posix_acl_access', value: 'bm90IGFuIGFjbA==' },
      { name: 'nonsense', value: 'not base64 at all!' },
    ],
  }
  const run = await runOf(scene, (builder) => [
    builder.directory('d', [builder.file('f', ['content'], odd)], odd),
    builder.file('f', ['content'], odd),
    builder.symlink('l', '../outside/victim', odd),
    { ...node('fifo', 'p', 0o600), ...odd, device: 12 },
  ])
  const report = await runRestore(run)
  scene.assertUntouched()
  assert.ok(report.problems.every(({ code }) => code === 'target_failed'))
  for (const path of ['/d', '/d/f', '/f', '/l', '/p']) {
    for (const what of ['attribute', 'owner']) {
      const told = report.problems.some((problem) => problem.path === path && problem.detail.includes(what))
      assert.ok(told, `${what} of ${path}`)
    }
  }
  assert.equal(readFileSync(scene.target('d/f'), 'utf8'), 'content')
  rmSync(scene.target('d'), { recursive: true })
})
