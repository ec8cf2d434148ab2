import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { chmodSync, linkSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { chunkBytesMax, KernelMemory } from '../../kernels/kernel-memory.ts'
import type { Id } from '../../model/id.ts'
import { cString } from '../../posix/c-string.ts'
import { close, workingDirectory } from '../../posix/open.ts'
import { OwnerNames } from '../../posix/owner-names.ts'
import { setTimes } from '../../posix/set-metadata.ts'
import { BlobIndex } from '../../repository/blob-index.ts'
import { encodeNode } from '../../repository/node-json.ts'
import { nodeFromStat, readDetails } from '../../sources/files/file-node.ts'
import { openDirectory, scanDirectory } from '../../sources/files/scan-directory.ts'
import { seededRandom } from '../../../testing/seeded-random.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { ParentTree } from './parent-tree.ts'
import { type MatchedDirectory, TreeMatcher } from './tree-matcher.ts'

const owners = new OwnerNames()
const options = { owners, withAtime: false }
const contentOf = (name: string): Id[] =>
  name.startsWith('empty') ? [] : [hash('sha256', name), hash('sha256', `${name} 2`)]
const subtree = hash('sha256', 'subtree')

/** The tree of a directory as a backup stores it. */
function treeOf(path: string): string {
  const fd = openDirectory(path)
  try {
    const nodes = scanDirectory(fd, path).entries.map(({ name, stat }) => {
      const { details } = readDetails({ directoryFd: fd, name, type: stat.type }, name)
      const extra = stat.type === 'dir' ? { subtree } : { content: contentOf(name) }
      return encodeNode(nodeFromStat(name, stat, { ...details, ...extra }, options))
    })
    return `{"nodes":[${nodes.join(',')}]}\n`
  } finally {
    close(fd)
  }
}

class Trial {
  readonly index = BlobIndex.create()
  readonly #matcher: TreeMatcher

  constructor(names: readonly string[]) {
    const memory = new KernelMemory({ regionBytes: chunkBytesMax })
    this.#matcher = new TreeMatcher({ memory, start: memory.start, end: memory.end }, this.index, owners)
    this.know(names)
  }

  /** Has the index hold the content of files of these names. */
  know(names: readonly string[]): void {
    const blobs = names.flatMap(contentOf).map((id, at) => ({ id, type: 'data' as const, offset: at * 99, length: 99 }))
    this.index.settlePack(
      hash('sha256', names.join('/')),
      blobs.map((blob) => ({ ...blob, uncompressedLength: undefined })),
    )
  }

  match(path: string, tree: string): MatchedDirectory | undefined {
    const fd = openDirectory(path)
    try {
      const matched = this.#matcher.match(fd, Buffer.from(tree))
      // Whoever goes the long way then lists the whole directory.
      if (matched === undefined)
        assert.equal(scanDirectory(fd, path).entries.length, treeOf(path).split('{"name"').length - 1)
      return matched
    } finally {
      close(fd)
    }
  }
}

const files = ['a', 'b.txt', 'empty', 'Ä-ö-漢', 'name with spaces', 'z'.repeat(255)]

function makeFiles(folder: TemporaryFolder): string {
  mkdirSync(folder.at('root'))
  for (const [at, name] of files.entries())
    writeFileSync(folder.at('root', name), name.startsWith('empty') ? '' : 'x'.repeat(7 ** at))
  return folder.at('root')
}

test('TreeMatcher matches a directory that is as its tree says, and tells its files, nodes and directories', async () => {
  await using folder = temporaryFolder('tree-matcher')
  const root = makeFiles(folder)
  const trial = new Trial(files)
  const bytes = files.reduce((sum, name, at) => sum + (name === 'empty' ? 0 : 7 ** at), 0)
  assert.deepEqual(trial.match(root, treeOf(root)), { files: files.length, bytes, nodes: [], directories: [] })

  symlinkSync('to/nowhere "quoted"', folder.at('root', 'link'))
  mkdirSync(folder.at('root', 'below'), { mode: 0o1777 })
  mkdirSync(folder.at('root', 'ünten'))
  const tree = treeOf(root)
  const matched = trial.match(root, tree)!
  assert.equal(matched.files, files.length)
  const known = tree.slice('{"nodes":['.length, -3).split(/(?<=\}),(?=\{"name")/)
  assert.deepEqual(
    matched.nodes,
    known.map((node) => (node.includes('"type":"dir"') ? undefined : node)),
  )
  assert.deepEqual(
    matched.directories.map(({ name, parentSubtree, isUnchanged }) => ({ name, parentSubtree, isUnchanged })),
    ['below', 'ünten'].map((name) => ({ name, parentSubtree: subtree, isUnchanged: true })),
  )
  for (const { at, nodeBeginning } of matched.directories)
    assert.equal(`${nodeBeginning}"content":null,"subtree":"${subtree}"}`, known[at])
})

test('TreeMatcher reads times and modes as they are written, and takes no other for them', async () => {
  await using folder = temporaryFolder('tree-matcher')
  const random = seededRandom('tree matcher, times')
  mkdirSync(folder.at('root'))
  const path = folder.at('root', 'file')
  writeFileSync(path, 'content')
  const trial = new Trial(['file'])
  const seconds = [0, -1, 1, 951_782_399, 951_782_400, 4_107_542_399, -2_147_483_648, 15_032_385_535]
  for (let round = 0; round < 200; round++) {
    const second = seconds[round] ?? random.below(15_000_000_000) - 2_000_000_000
    const nanosecond = [0, 1, 999_999_999, 100_000_000, 120_000][round % 7] ?? random.below(1_000_000_000)
    const place = { directoryFd: workingDirectory, name: cString(path) }
    const [atime, mtime] = [
      { atimeSeconds: second, atimeNanoseconds: 0 },
      { mtimeSeconds: second, mtimeNanoseconds: nanosecond },
    ]
    setTimes(place, { ...atime, ...mtime })
    chmodSync(path, random.below(0o10000) | 0o400)
    const tree = treeOf(folder.at('root'))
    assert.notEqual(trial.match(folder.at('root'), tree), undefined, `seconds ${second}, nanoseconds ${nanosecond}`)
    const digitAt = /\d(?=[^\d"]*")/.exec(tree.slice(tree.indexOf('"mtime"')))!
    const at = tree.indexOf('"mtime"') + digitAt.index
    const wrong = `${tree.slice(0, at)}${(Number(tree[at]) + 1) % 10}${tree.slice(at + 1)}`
    assert.equal(trial.match(folder.at('root'), wrong), undefined)
  }
})

test('TreeMatcher matches nothing where anything differs, or the tree is not as it should be', async () => {
  await using folder = temporaryFolder('tree-matcher')
  const root = makeFiles(folder)
  mkdirSync(folder.at('root', 'below'))
  const trial = new Trial(files)
  const changes: Record<string, () => void> = {
    'a new file': () => writeFileSync(folder.at('root', 'new'), ''),
    'a file that is gone': () => rmSync(folder.at('root', 'new')),
    'another name': () => renameSync(folder.at('root', 'a'), folder.at('root', 'c')),
    'another size': () => writeFileSync(folder.at('root', 'c'), 'longer than before'),
    'another mode': () => chmodSync(folder.at('root', 'c'), 0o600),
    'another link': () => linkSync(folder.at('root', 'c'), folder.at('elsewhere')),
    'another file of that name': () => {
      rmSync(folder.at('root', 'empty'))
      writeFileSync(folder.at('root', 'empty'), '')
    },
    'a directory in the place of a file': () => {
      rmSync(folder.at('root', 'empty'))
      mkdirSync(folder.at('root', 'empty'))
    },
    'a changed directory': () => chmodSync(folder.at('root', 'below'), 0o711),
  }
  trial.know(['c', 'new'])
  for (const [what, change] of Object.entries(changes)) {
    const before = treeOf(root)
    assert.notEqual(trial.match(root, before), undefined, `before ${what}`)
    change()
    assert.equal(trial.match(root, before), undefined, what)
  }

  const tree = treeOf(root)
  const wrongTrees = {
    'a name twice': tree.replace('{"name":"b.txt"', '{"name":"below"'),
    'a path': tree.replace('{"name":"b.txt"', '{"name":"../root/b.txt"'),
    'a dot': tree.replace('{"name":"b.txt"', '{"name":"."'),
    'no content': tree.replace(/"content":\[[^\]]*\]/, '"content":"none"'),
    'half an id': tree.replace(/"content":\["[0-9a-f]{32}/, '"content":["'),
    'a member more': tree.replace('"links":', '"more":1,"links":'),
    'no subtree': tree.replaceAll(/,"subtree":"[0-9a-f]*"/g, ''),
    'an error': tree.replace(/\}\]/, ',"error":"text"}]'),
    'no end': tree.slice(0, -3),
    'half of it': tree.slice(0, tree.length >> 1),
    'no tree': '{}\n',
    nothing: '',
    'another order': tree.replace(/("nodes":\[)(\{"name":"b.*?\}),(\{"name":"below.*?\}),/, '$1$3,$2,'),
  }
  for (const [what, wrong] of Object.entries(wrongTrees)) {
    assert.notEqual(wrong, tree, what)
    assert.equal(trial.match(root, wrong), undefined, what)
  }
  assert.notEqual(trial.match(root, tree), undefined)
})

test('TreeMatcher matches no file of which the repository lacks a blob', async () => {
  await using folder = temporaryFolder('tree-matcher')
  const root = makeFiles(folder)
  assert.equal(new Trial(files.slice(1)).match(root, treeOf(root)), undefined)
})

test('TreeMatcher and ParentTree agree on what is unchanged', async () => {
  await using folder = temporaryFolder('tree-matcher')
  const root = makeFiles(folder)
  const trial = new Trial([...files, 'quote"d', '<&>', 'new\nline'])
  for (const name of ['quote"d', '<&>', 'new\nline']) {
    writeFileSync(folder.at('root', name), name)
    const tree = treeOf(root)
    const parent = new ParentTree(Buffer.from(tree))
    const fd = openDirectory(root)
    for (const { name: entry, stat } of scanDirectory(fd, root).entries) {
      const node = encodeNode(nodeFromStat(entry, stat, {}, options))
      assert.notEqual(parent.next(entry, node.slice(0, node.lastIndexOf('"content":'))), undefined)
    }
    close(fd)
    assert.ok(parent.isWholeTaken)
    assert.equal(trial.match(root, tree), undefined, 'names with escapes are left to the long way')
    rmSync(folder.at('root', name))
  }
})
