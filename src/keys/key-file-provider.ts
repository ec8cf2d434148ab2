import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { throwIfStopped } from '../base/abort.ts'
import { errorCode } from '../base/error-code.ts'
import { Failure } from '../base/failure.ts'
import type { RandomBytes } from '../base/random.ts'
import { type KeyProvider, wrapContextText } from './key-provider.ts'
import { otherProvider } from './other-provider.ts'
import { openUnder, sealUnder } from './seal-under.ts'
import { writeNewFile } from './write-new-file.ts'

const keyBytes = 32
/** 32 bytes in base64, with or without the end of the line. */
const form = /^[A-Za-z0-9+/]{43}=\r?\n?$/
const textBytesMax = 64

/**
 * Guards by a key file: 32 random bytes in base64 on a line, of mode 0600 and of the user that runs the program. Who may
 * read the file opens the keyring.
 */
export function keyFileProvider(options: {
  readonly path: string
  readonly userId: number
  readonly random: RandomBytes
}): KeyProvider {
  const { random, path } = options
  return {
    name: 'key-file',
    wrap: async (key, context, signal) => {
      const guard = await readKeyFile(options, signal)
      return { provider: 'key-file', ...sealUnder(guard, key, wrapContextText(context, null), random) }
    },
    unwrap: async (record, context, signal) => {
      if (record.provider !== 'key-file') throw otherProvider(record, 'key-file')
      const guard = await readKeyFile(options, signal)
      return openUnder(guard, record, wrapContextText(context, null), `key file "${path}"`)
    },
  }
}

/** Makes a key file with a new key, durable when it resolves. Failure `refused` where the path is taken. */
export async function createKeyFile(path: string, random: RandomBytes, signal: AbortSignal): Promise<void> {
  throwIfStopped(signal)
  await writeNewFile(path, Buffer.from(`${Buffer.from(random(keyBytes)).toString('base64')}\n`), 'key file')
}

/** The key in a key file. It is judged by the open file, so that nobody can change it between the look and the read. */
async function readKeyFile(
  { path, userId }: { readonly path: string; readonly userId: number },
  signal: AbortSignal,
): Promise<Uint8Array> {
  throwIfStopped(signal)
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    const found = errorCode(cause) === 'ENOENT' ? 'there is no such file' : `it can not be read (${errorCode(cause)})`
    throw new Failure('secret_missing', `Cannot read key file "${path}": ${found}`, { cause })
  })
  try {
    const stats = await handle.stat()
    if (!stats.isFile()) throw unfit(path, 'it is no regular file', 'Name a file with a key in it')
    const mode = stats.mode & 0o7777
    if ((mode & 0o077) !== 0) {
      const found = `its mode is ${mode.toString(8).padStart(4, '0')}, so others may use it, expected 0600`
      throw unfit(path, found, `Run: chmod 600 "${path}"; where others may have read it, \`keys rewrap\` to a new one`)
    }
    if (stats.uid !== userId) {
      const found = `it belongs to user ${stats.uid}, expected ${userId}, who runs this program`
      throw unfit(path, found, `Run: chown ${userId} "${path}", or run the program as the other user`)
    }
    const buffer = Buffer.alloc(textBytesMax)
    const { bytesRead } = await handle.read(buffer, 0, textBytesMax, 0)
    const text = buffer.toString('latin1', 0, bytesRead)
    const key = Buffer.from(text, 'base64')
    buffer.fill(0)
    if (stats.size <= textBytesMax && form.test(text) && key.length === keyBytes) return key
    throw unfit(
      path,
      `it has ${stats.size} bytes that are not ${keyBytes} bytes in base64 on a line`,
      'Put the key file back from its copy; it is made by this program, never by hand',
    )
  } finally {
    await handle.close()
  }
}

function unfit(path: string, found: string, hint: string): Failure {
  return new Failure('keyring_locked', `Cannot use key file "${path}": ${found}`, { facts: { hint } })
}
