import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import type { SpawnOptions } from 'node:child_process'
import { hash, randomInt } from 'node:crypto'
import { chmod, chown, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { noOrdinaryUser } from '../../../testing/ordinary-user.ts'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { localStorage } from './local-storage.ts'
import { isUnfinished } from './unfinished.ts'

const signal = neverStopped()
const keep = { whenPresent: 'keep' } as const
const mebibyte = 1024 * 1024
const isRoot = process.getuid?.() === 0
/** Who owns nothing: root is refused nothing, so that as root a child of this user tries. */
const nobody = 65534

/** A folder that is gone after the test; `restore` first undoes what would keep it there. */
async function temporaryFolder(
  context: TestContext,
  restore: (folder: string) => Promise<void> = async () => {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'zakops-trouble-'))
  context.after(async () => {
    await restore(folder)
    await rm(folder, { recursive: true, force: true })
  })
  return folder
}

/** Lines of a program that has `storage` (of the folder), `signal`, `say(word)` and `tell(promise)` at hand. */
function childProgram(folder: string, lines: string): string {
  return `
    import { hash, randomBytes } from 'node:crypto'
    import { writeSync } from 'node:fs'
    import { localStorage } from ${JSON.stringify(new URL('./local-storage.ts', import.meta.url).href)}
    const storage = localStorage(${JSON.stringify(folder)})
    const signal = new AbortController().signal
    const say = (word) => writeSync(1, word + '\\n')
    const tell = (work) => work.then((answer) => say(String(answer)), (error) => say(error.code))
    ${lines}`
}

/** Runs a program and gives the words that it said. `whileRunning` gets them so far and may end it by its handle. */
async function childWords(
  command: string,
  commandArguments: readonly string[],
  options: SpawnOptions = {},
  whileRunning: (words: readonly string[], kill: () => void) => void = () => {},
): Promise<string[]> {
  const child = spawn(command, commandArguments, { ...options, stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  const words = (): string[] => text.split('\n').slice(0, -1)
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
    whileRunning(words(), () => child.kill('SIGKILL'))
  })
  await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  return words()
}

const evaluate = ['--input-type=module', '--disable-warning=ExperimentalWarning', '-e']

test('localStorage() says that the device is full, leaves no part, and goes on when there is room', async (context) => {
  let mounted = false
  const folder = await temporaryFolder(context, async (path) => {
    if (mounted) execFileSync('umount', [path])
  })
  mounted = mountSmall(folder)
  if (!mounted) return context.skip('a small tmpfs can not be mounted here (needs root and mount)')
  const storage = localStorage(folder)
  for (const name of ['1', '2', '3']) await storage.put(`index/${name}`, new Uint8Array(mebibyte).fill(1), keep, signal)
  for (const whenPresent of ['keep', 'replace'] as const) {
    await assert.rejects(storage.put('index/4', new Uint8Array(2 * mebibyte), { whenPresent }, signal), {
      code: 'storage_full',
    })
    await assert.rejects(storage.put('index/1', new Uint8Array(2 * mebibyte), { whenPresent: 'replace' }, signal), {
      code: 'storage_full',
    })
  }
  assert.deepEqual((await readdir(join(folder, 'index'))).sort(), ['1', '2', '3'])
  assert.ok((await storage.get('index/1', {}, signal)).every((byte) => byte === 1))
  await storage.remove('index/3', signal)
  await storage.put('index/4', new Uint8Array(mebibyte + 1000), keep, signal)
  assert.equal(await storage.size('index/4', signal), mebibyte + 1000)
})

function mountSmall(folder: string): boolean {
  if (!isRoot) return false
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder], { stdio: 'ignore' })
    return true
  } catch {
    return false // Containers often may not mount.
  }
}

test('localStorage() says that a file may not grow further, and leaves no part', async (context) => {
  const folder = await temporaryFolder(context)
  const program = childProgram(
    folder,
    `await tell(storage.put('index/1', new Uint8Array(${mebibyte}), { whenPresent: 'keep' }, signal))
     await tell(storage.put('index/2', new Uint8Array(1000), { whenPresent: 'keep' }, signal))`,
  )
  const limited = ['-c', 'ulimit -f 512; exec "$0" "$@"', process.execPath, ...evaluate, program]
  assert.deepEqual(await childWords('sh', limited), ['storage_full', 'stored'])
  assert.deepEqual(await readdir(join(folder, 'index')), ['2'])
})

test('localStorage() says that it may not write, read, list or remove, and changes nothing', {
  skip: isRoot && noOrdinaryUser,
}, async (context) => {
  const folder = await temporaryFolder(context, async (path) => {
    for (const one of ['index', 'data']) await chmod(join(path, one), 0o700)
  })
  const index = join(folder, 'index')
  await mkdir(index)
  await writeFile(join(index, '1'), 'secret')
  await mkdir(join(folder, 'data'))
  for (const path of [folder, index, join(index, '1'), join(folder, 'data')])
    if (isRoot) await chown(path, nobody, nobody)
  await chmod(join(index, '1'), 0o000)
  await chmod(index, 0o500)
  await chmod(join(folder, 'data'), 0o000)
  const program = childProgram(
    folder,
    `await tell(storage.put('index/2', new Uint8Array(9), { whenPresent: 'keep' }, signal))
     await tell(storage.put('index/1', new Uint8Array(9), { whenPresent: 'replace' }, signal))
     await tell(storage.get('index/1', {}, signal))
     await tell(storage.size('data/ab/1', signal))
     await tell(storage.remove('index/1', signal))
     await tell(Array.fromAsync(storage.list('', signal)))
     await tell(storage.put('index/1', new Uint8Array(9), { whenPresent: 'keep' }, signal))`,
  )
  const words = await childWords(process.execPath, [...evaluate, program], isRoot ? { uid: nobody, gid: nobody } : {})
  assert.deepEqual(words, [...Array.from({ length: 6 }, () => 'storage_denied'), 'exists'])
  assert.deepEqual(await readdir(index), ['1'])
})

test('localStorage() of a killed process holds whole objects only, and all that were said to be stored', async (context) => {
  const folder = await temporaryFolder(context)
  const program = childProgram(
    folder,
    `const putForEver = async () => {
       for (;;) {
         const body = randomBytes(1 + (randomBytes(3).readUIntBE(0, 3) % 600_000))
         const name = hash('sha256', body)
         await storage.put('data/' + name.slice(0, 2) + '/' + name, body, { whenPresent: 'keep' }, signal)
         say(name)
       }
     }
     await Promise.all([putForEver(), putForEver(), putForEver()])`,
  )
  const said: string[] = []
  for (let round = 0; round < 5; round++) {
    const wordsWanted = randomInt(1, 40)
    context.diagnostic(`killed after ${wordsWanted} objects`)
    const words = await childWords(process.execPath, [...evaluate, program], {}, (soFar, kill) => {
      if (soFar.length >= wordsWanted) kill()
    })
    said.push(...words)
  }
  const storage = localStorage(folder)
  const present = new Set<string>()
  for await (const { objectName, size } of storage.list('data/', signal)) {
    const bytes = await storage.get(objectName, {}, signal)
    assert.equal(bytes.length, size)
    assert.equal(objectName, `data/${hash('sha256', bytes).slice(0, 2)}/${hash('sha256', bytes)}`)
    present.add(hash('sha256', bytes))
  }
  assert.ok(said.length > 5)
  for (const name of said) assert.ok(present.has(name), `${name} was stored before the kill and is gone`)
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  const others = files.map(({ name }) => name).filter((name) => !present.has(name))
  assert.deepEqual(
    others.filter((name) => !isUnfinished(name)),
    [],
  )
})
