import { randomBytes } from 'node:crypto'
import { fakeClock } from '../src/base/clock.ts'
import { neverStopped } from '../src/base/abort.ts'
import { isProcessAlive } from '../src/base/process-alive.ts'
import { createKeyFile } from '../src/keys/key-file-provider.ts'
import type { Keyring } from '../src/keys/keyring.ts'
import type { KeyringWorld } from '../src/keys/keyring-world.ts'
import { createKeyring } from '../src/keys/open-keyring.ts'
import type { Environment } from '../src/model/policy/policy.ts'
import type { TemporaryFolder } from './temporary-folder.ts'

/** The machine, but for its time, which begins with 2026 and stands still until a test moves it. */
export function keyringWorld(
  changes: Partial<KeyringWorld> = {},
): KeyringWorld & { clock: ReturnType<typeof fakeClock> } {
  return {
    clock: fakeClock(new Date('2026-01-01T00:00:00Z')),
    random: (count) => randomBytes(count),
    hostname: 'test-host',
    userId: process.getuid!(),
    processId: process.pid,
    isProcessAlive,
    ...changes,
  } as KeyringWorld & { clock: ReturnType<typeof fakeClock> }
}

/** A new keyring in a folder, opened by a key file, which costs no time. */
export async function freshKeyring(
  folder: Pick<TemporaryFolder, 'at'>,
  options: { readonly environment?: Environment; readonly world?: KeyringWorld } = {},
): Promise<Keyring> {
  const { environment = 'production', world = keyringWorld() } = options
  const keyFile = folder.at('unlock.key')
  await createKeyFile(keyFile, world.random, neverStopped())
  const place = { file: folder.at('keys', 'keyring.json'), unlock: { keyFile }, environment }
  return await createKeyring(place, world, neverStopped())
}
