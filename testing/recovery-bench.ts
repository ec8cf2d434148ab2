import { randomBytes } from 'node:crypto'
import { chmodSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { neverStopped } from '../src/base/abort.ts'
import { systemClock } from '../src/base/clock.ts'
import { randomMasterKey } from '../src/repository/key-derivation.ts'
import { memoryStorage } from '../src/storage/memory/memory-storage.ts'
import type { Storage } from '../src/storage/storage.ts'
import { WalArchive } from '../src/operations/wal/wal-archive.ts'
import {
  recoverToPoint,
  type Recovery,
  type RecoverToPointRequest,
} from '../src/operations/recover/recover-to-point.ts'
import type { HotSnapshot } from './hot-snapshot.ts'
import { serverOwner, testServers } from './postgresql-server.ts'
import type { TemporaryFolder } from './temporary-folder.ts'

const random = (count: number): Uint8Array => randomBytes(count)

export interface TestArchive extends WalArchive {
  /** The same archive as it looks on other storages, and with a copy. */
  onStorages(storages: { readonly primary: Storage; readonly copy?: Storage }): WalArchive
}

export function testArchive(storage: Storage = memoryStorage(), key = randomMasterKey(random)): TestArchive {
  const placeOn = (one: Storage) => ({ storage: one, prefix: 'production/1/wal/orders/', generation: 1, key })
  const open = (primary: Storage, copy?: Storage): WalArchive =>
    new WalArchive(
      { primary: [placeOn(primary)], copies: copy === undefined ? [] : [placeOn(copy)] },
      { clock: systemClock, random },
    )
  return Object.assign(open(storage), {
    onStorages: (storages: { readonly primary: Storage; readonly copy?: Storage }) =>
      open(storages.primary, storages.copy),
  })
}

let recoveries = 0

/** Recovers below `folder`; the server goes with the caller's block. */
export async function recoverIn(
  folder: TemporaryFolder,
  request: Pick<RecoverToPointRequest, 'archive' | 'target'> & {
    readonly snapshots: readonly HotSnapshot[]
  } & Partial<RecoverToPointRequest>,
): Promise<Recovery & AsyncDisposable & { readonly dataFolder: string }> {
  const dataFolder = folder.at(`recovered-${++recoveries}`)
  chmodSync(folder.path, 0o755)
  const recovery = await recoverToPoint(
    {
      timeline: 'latest',
      tablespaceMap: new Map(),
      end: 'paused',
      servers: await testServers(),
      owner: serverOwner(),
      parentFolder: folder.path,
      lifetime: 'caller',
      durable: false,
      searchPath: process.env.PATH!,
      processId: process.pid,
      restoreSnapshot: async ({ id }) => {
        const { folder: from } = request.snapshots.find((snapshot) => snapshot.id === id)!
        await cp(from, dataFolder, { recursive: true })
        chmodSync(dataFolder, 0o700)
        return dataFolder
      },
      ...request,
    },
    { clock: systemClock, progress: () => {} },
    neverStopped(),
  )
  return { ...recovery, dataFolder, [Symbol.asyncDispose]: () => recovery.sandbox.stop() }
}
