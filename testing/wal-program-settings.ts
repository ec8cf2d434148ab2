import { systemClock } from '../src/base/clock.ts'
import type { RandomBytes } from '../src/base/random.ts'
import type { MasterKey } from '../src/kernels/seal.ts'
import { WalArchive } from '../src/operations/wal/wal-archive.ts'
import { localStorage } from '../src/storage/local/local-storage.ts'

export const walProgram = new URL('wal-program.ts', import.meta.url).pathname

export function walProgramSettings(folder: string, key: MasterKey): string {
  return JSON.stringify({ folder, encrypt: hex(key.encrypt), macK: hex(key.macK), macR: hex(key.macR) })
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export function readWalProgramSettings(text: string, random: RandomBytes): WalArchive {
  const { folder, encrypt, macK, macR } = JSON.parse(text) as Record<'folder' | 'encrypt' | 'macK' | 'macR', string>
  const key = { encrypt: Buffer.from(encrypt, 'hex'), macK: Buffer.from(macK, 'hex'), macR: Buffer.from(macR, 'hex') }
  const place = { storage: localStorage(folder), prefix: 'production/1/wal/orders/', generation: 1, key }
  return new WalArchive({ primary: [place] }, { clock: systemClock, random })
}
