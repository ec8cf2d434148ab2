import { lstat, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../../base/error-code.ts'
import { Failure } from '../../base/failure.ts'
import { fileTrouble } from '../../keys/file-trouble.ts'
import { createKeyFile } from '../../keys/key-file-provider.ts'
import { openKeyring, recoverKeyring } from '../../keys/open-keyring.ts'
import { writeNewFile } from '../../keys/write-new-file.ts'
import type { Policy } from '../../model/policy/policy.ts'
import { generationsOf } from '../../procedures/keys/generations-of.ts'
import type { Installation } from '../../procedures/installation.ts'
import type { DrillRoot, RecoveryDrillOrder } from '../../procedures/recovery-drill/drill-root.ts'
import { locksOnly } from '../../storage/locks-only.ts'
import type { StorageAdapter, StorageAdapters } from '../../storage/storage-adapter.ts'
import type { CommandContext } from '../command-entry.ts'
import { exportMaterial, readExport } from './export-material.ts'
import { locationsOf } from './open-installation.ts'

/** The isolated root of a drill on this machine. */
export function drillRoot(context: CommandContext, installation: Installation): DrillRoot {
  const { policy } = installation
  const own = policy.locations[policy.environment]!
  return {
    location: own.secondary === 'N/A' ? 'primary' : 'secondary',
    check: (order, signal) => checkRoot({ ...context, signal }, order),
    make: (run, order, signal) => makeRoot(context, { run, order }, signal),
    open: (order, signal) => openRoot(context, { installation, order }, signal),
    forgetKeys: ({ into }) => rm(keysFolder(into), { recursive: true, force: true }),
    empty: async ({ into }) => {
      for (const name of ownNames) await rm(join(into, name), { recursive: true, force: true })
    },
  }
}

const markName = 'drill'
/** What a drill makes in its folder. The mark goes last: until then it says whose the rest is. */
const ownNames = ['keys', 'restored', 'control', 'work', 'state', markName] as const

async function checkRoot(context: CommandContext, order: RecoveryDrillOrder): Promise<void> {
  await requireNothing(order.into)
  // A passphrase of an export is asked for when the drill begins, and anew when it is resumed; shares are named for good.
  if (order.keyringExport === undefined) await exportMaterial(context, order)
  else await readExport(order.keyringExport)
}

/** Failure `refused` where there is anything in the folder, `usage` where it is none. */
async function requireNothing(into: string): Promise<void> {
  let names: readonly string[]
  try {
    names = await readdir(into)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return
    if (errorCode(error) !== 'ENOTDIR') throw fileTrouble(error, 'read folder', into)
    throw new Failure('usage', `Cannot hold a drill in "${into}": it is no folder`)
  }
  if (names.length > 0) throw notEmpty(into, names[0]!)
}

function notEmpty(into: string, name: string): Failure {
  return new Failure('refused', `Cannot hold a drill in "${into}": it holds "${name}", expected nothing`, {
    facts: { hint: 'Name a new folder; a drill begins with nothing' },
  })
}

function keysFolder(into: string): string {
  return join(into, 'keys')
}

function placeOf(into: string): { readonly file: string; readonly unlock: { readonly keyFile: string } } {
  const folder = keysFolder(into)
  return { file: join(folder, 'keyring.json'), unlock: { keyFile: join(folder, 'drill.key') } }
}

/**
 * Order: the folder, the mark of the run, the key file, the keyring, which is the commit point. A run that was killed on
 * the way finds its own mark and goes on; the folder of anything else is refused.
 */
async function makeRoot(
  context: CommandContext,
  { run, order }: { readonly run: string; readonly order: RecoveryDrillOrder },
  signal: AbortSignal,
): Promise<void> {
  const { world } = context
  const { into } = order
  const mark = join(into, markName)
  await mkdir(into, { recursive: true, mode: 0o700 })
  const names = await readdir(into)
  if (names.length === 0) await writeNewFile(mark, Buffer.from(run), 'mark of the drill')
  else if (!(await isMarked(mark, run))) throw notEmpty(into, names[0]!)
  const place = placeOf(into)
  if (await isThere(place.file)) return
  await mkdir(keysFolder(into), { recursive: true, mode: 0o700 })
  if (!(await isThere(place.unlock.keyFile))) await createKeyFile(place.unlock.keyFile, world.random, signal)
  const material = await exportMaterial(context, order)
  using _keyring = await recoverKeyring({ ...place, ...material }, world, signal)
}

async function isMarked(mark: string, run: string): Promise<boolean> {
  try {
    return (await readFile(mark, 'utf8')) === run
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    return false
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined
}

async function openRoot(
  context: CommandContext,
  { installation, order }: { readonly installation: Installation; readonly order: RecoveryDrillOrder },
  signal: AbortSignal,
): Promise<{ readonly installation: Installation } & AsyncDisposable> {
  const { world } = context
  const { clock, hostname, username } = world
  const { into } = order
  const place = placeOf(into)
  const policy = policyOfRoot(installation.policy, into)
  await using held = new AsyncDisposableStack()
  const keyring = held.use(await openKeyring(place, world, signal))
  await mkdir(policy.state, { recursive: true, mode: 0o700 })
  const catalog = held.use(await world.openCatalog(join(policy.state, 'catalog.sqlite')))
  const guarded = { ...context, world: { ...world, storages: guardedAdapters(world.storages) } }
  const isolated: Installation = {
    ...installation,
    policy,
    locations: locationsOf(guarded, policy, keyring),
    catalog,
    generations: generationsOf(
      keyring,
      { environment: policy.environment, unlock: place.unlock },
      { catalog, clock, username, hostname },
    ),
    workFolder: join(into, 'work'),
    temporaryFolder: () => {
      throw new Failure('defect', 'A drill makes no temporary folders')
    },
  }
  const stack = held.move()
  return { installation: isolated, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** The location that is left is the only one. */
function policyOfRoot(policy: Policy, into: string): Policy {
  const { environment } = policy
  const own = policy.locations[environment]!
  const left = own.secondary === 'N/A' ? own.primary : own.secondary
  return {
    ...policy,
    locations: { [environment]: { primary: left, secondary: 'N/A' } },
    state: join(into, 'state'),
  }
}

function guardedAdapters(adapters: StorageAdapters): StorageAdapters {
  return Object.fromEntries(
    Object.entries(adapters).map(([name, adapter]): [string, StorageAdapter] => [
      name,
      {
        ...adapter,
        open: async (place, signal) => locksOnly(await adapter.open(place, signal)),
        create: async (place) => {
          throw new Failure('storage_read_only', `Cannot make "${place}": a drill reads the location that is left`)
        },
      },
    ]),
  )
}
