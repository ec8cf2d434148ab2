import { argon2 } from 'node:crypto'
import { promisify } from 'node:util'
import { throwIfStopped } from '../base/abort.ts'
import { Failure } from '../base/failure.ts'
import type { RandomBytes } from '../base/random.ts'
import { type ArgonCost, defaultArgonCost } from './argon-cost.ts'
import { type KeyProvider, wrapContextText } from './key-provider.ts'
import { otherProvider } from './other-provider.ts'
import { openUnder, sealUnder } from './seal-under.ts'

const runArgon2 = promisify(argon2)
const saltBytes = 16

/**
 * Guards by a passphrase, through Argon2id in the thread pool. The passphrase counts in Unicode's composed form (NFC), so that
 * two keyboards that write "é" in different ways open the same keyring. `cost` is for what is wrapped from now on;
 * what was wrapped before has its own in its record.
 */
export function passphraseProvider(options: {
  readonly passphrase: string
  readonly random: RandomBytes
  readonly cost?: ArgonCost
}): KeyProvider {
  const { random, cost = defaultArgonCost } = options
  const passphrase = options.passphrase.normalize('NFC')
  if (passphrase === '') throw new Failure('secret_missing', 'Cannot use the passphrase of the keyring: it is empty')
  return {
    name: 'passphrase',
    wrap: async (key, context, signal) => {
      const argon2id = { ...cost, salt: Buffer.from(random(saltBytes)).toString('base64') }
      const guard = await stretch(passphrase, argon2id, signal)
      return { provider: 'passphrase', argon2id, ...sealUnder(guard, key, wrapContextText(context, argon2id), random) }
    },
    unwrap: async (record, context, signal) => {
      if (record.provider !== 'passphrase') throw otherProvider(record, 'passphrase')
      const guard = await stretch(passphrase, record.argon2id, signal)
      return openUnder(guard, record, wrapContextText(context, record.argon2id), 'passphrase')
    },
  }
}

async function stretch(
  passphrase: string,
  { memoryKiB, passes, lanes, salt }: ArgonCost & { readonly salt: string },
  signal: AbortSignal,
): Promise<Uint8Array> {
  throwIfStopped(signal)
  const key = await runArgon2('argon2id', {
    message: passphrase,
    nonce: Buffer.from(salt, 'base64'),
    parallelism: lanes,
    tagLength: 32,
    memory: memoryKiB,
    passes,
  })
  throwIfStopped(signal)
  return key
}
