import { Failure, isFailure } from '../../base/failure.ts'
import { errorCode } from '../../base/error-code.ts'
import { readKeyringBytes } from '../../keys/read-keyring-file.ts'
import type { Unlock } from '../../keys/unlock.ts'
import type { CommandContext } from '../command-entry.ts'
import { askPassword } from './ask-password.ts'
import { givenPassword } from './password.ts'
import { readShares } from './read-shares.ts'

/** Keys outside of the keyring, and what opens them. */
export interface ExportMaterial {
  readonly exported: Uint8Array
  readonly exportUnlock: Unlock
}

/** The keys of an export of the keyring, whose passphrase is given or asked for. Failure `usage` where there is none. */
export async function exportMaterial(
  context: CommandContext,
  { keyringExport, shares }: { readonly keyringExport?: string; readonly shares: readonly string[] },
): Promise<ExportMaterial> {
  if (keyringExport === undefined) {
    // What the shares open is in memory only.
    const { keyringOfShares } = await import('../../keys/recovery-kit.ts')
    const { exported, exportUnlock } = await keyringOfShares(await readShares(context, shares))
    return { exported, exportUnlock }
  }
  const { world, globals, signal } = context
  const { passwordFile, passwordCommand } = globals
  const options = { password: undefined, passwordFile, passwordCommand, insecureNoPassword: false }
  const exported = await readExport(keyringExport)
  const passphrase = (await givenPassword(options, signal)) ?? (await askPassword('passphrase of the export', world))
  return { exported, exportUnlock: { passphrase } }
}

/** Failure `usage` where the file can not be read. */
export async function readExport(path: string): Promise<Uint8Array> {
  try {
    return await readKeyringBytes(path)
  } catch (cause) {
    if (isFailure(cause)) throw cause
    const found = errorCode(cause) === 'ENOENT' ? 'there is no such file' : 'it can not be read'
    throw new Failure('usage', `Cannot read export "${path}": ${found}`, { cause })
  }
}
