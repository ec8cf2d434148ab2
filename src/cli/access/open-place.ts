import { readOnly } from '../../storage/read-only.ts'
import type { Storage } from '../../storage/storage.ts'
import { withRetry } from '../../storage/with-retry.ts'
import { withThrottle } from '../../storage/with-throttle.ts'
import type { CommandContext } from '../command-entry.ts'
import { formatDuration } from '../output/format-duration.ts'
import { parsePlace } from '../../storage/storage-adapter.ts'

export interface PlaceUse {
  /** `create` makes the place where it is absent. */
  readonly open: 'existing' | 'create'
  /** `read` gives a storage that refuses every write. */
  readonly use: 'read' | 'write'
}

/** The storage at a place that the user named, with the limits of the options, made to try again what may pass. */
export async function openPlace(text: string, { open, use }: PlaceUse, context: CommandContext): Promise<Storage> {
  const { world, globals, output, signal } = context
  const { adapter, path } = parsePlace(text, world.storages)
  const storages = world.storages[adapter]!
  const bare = open === 'create' ? await storages.create(path, signal) : await storages.open(path, signal)
  const uploadBytesPerSecond = bytesOf(globals.limitUpload)
  const downloadBytesPerSecond = bytesOf(globals.limitDownload)
  const isLimited = uploadBytesPerSecond !== undefined || downloadBytesPerSecond !== undefined
  const slowed = isLimited ? withThrottle(bare, world.clock, { uploadBytesPerSecond, downloadBytesPerSecond }) : bare
  const patient = withRetry(slowed, {
    clock: world.clock,
    random: () => Buffer.from(world.random(4)).readUInt32LE() / 2 ** 32,
    onRetry: (failure, waitMs) => {
      output.notice(`${failure.message}; trying again in ${formatDuration(waitMs / 1000)}`)
    },
  })
  return use === 'read' ? readOnly(patient) : patient
}

/** KiB a second as bytes; 0 stands for no limit. */
function bytesOf(kibibytes: number): number | undefined {
  return kibibytes === 0 ? undefined : kibibytes * 1024
}
