import { open } from 'node:fs/promises'
import { type Command, Option } from '@commander-js/extra-typings'
import { Failure } from '../../base/failure.ts'
import { archiveFormats, type ArchiveFormat, dump } from '../../operations/list/dump.ts'
import { findTree } from '../../operations/list/find-path.ts'
import { findSnapshot } from '../../operations/list/select-snapshots.ts'
import { readSnapshots } from '../access/read-snapshots.ts'
import { withRepository } from '../access/with-repository.ts'
import type { CommandContext, RunCommand } from '../command-entry.ts'
import { addExamples } from '../help/examples.ts'
import { collect, collectGroups } from '../options/collect.ts'
import { type FilterOptions, snapshotFilter } from '../options/snapshot-filter.ts'
import type { Outcome } from '../outcome.ts'

interface DumpOptions extends FilterOptions {
  readonly archive: ArchiveFormat
  readonly target?: string | undefined
}

export function define(command: Command, run: RunCommand): void {
  command.description('Writes the content of a file to stdout, or a directory as an archive.')
  addExamples(command, [
    { line: '-r /srv/backup dump latest /etc/fstab', does: 'look at a file' },
    { line: '-r /srv/backup dump latest /home/ann | tar -x -C /tmp', does: 'get a directory without restoring it' },
    { line: '-r /srv/backup dump -a zip -t site.zip latest /srv/site', does: 'make an archive for somebody' },
  ])
  command
    .argument('<snapshot>', 'id, its beginning, or latest; :<folder> behind it begins there')
    .argument('<path>', 'file or directory in the snapshot')
    .option('-H, --host <name>', 'latest of this host; may be repeated', collect)
    .option('--tag <tags>', 'latest with all of these tags; may be repeated', collectGroups)
    .option('--path <path>', 'latest of this path; may be repeated', collect)
    .addOption(
      new Option('-a, --archive <format>', 'form of an archive').choices(archiveFormats).default('tar' as const),
    )
    .option('-t, --target <file>', 'write to this file')
    .action((snapshot, path, options, self) => run(self, (context) => write(context, { snapshot, path }, options)))
}

async function write(
  context: CommandContext,
  wanted: { readonly snapshot: string; readonly path: string },
  options: DumpOptions,
): Promise<Outcome> {
  const { output, world } = context
  await withRepository(context, { lock: 'shared', use: 'read' }, async (repository, signal) => {
    const { snapshots } = await readSnapshots(repository, { index: 'load', output }, signal)
    const { snapshot, subfolder } = findSnapshot(snapshots, wanted.snapshot, snapshotFilter(options, world))
    const treeId = await findTree(repository, snapshot.tree, subfolder, signal)
    const { kind, chunks } = await dump(repository, { treeId, path: wanted.path, format: options.archive }, signal)
    if (options.target !== undefined) return await writeFile(options.target, chunks)
    if (kind === 'archive' && world.stdout.isTTY === true) {
      throw new Failure('usage', 'Cannot write an archive to a terminal', {
        facts: { hint: 'Send it to a program or a file, or add --target <file>.' },
      })
    }
    for await (const chunk of chunks) await output.bytes(chunk)
  })
  return 'done'
}

async function writeFile(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    await using file = await open(path, 'w', 0o600)
    for await (const chunk of chunks) await file.writeFile(chunk)
    await file.sync()
  } catch (cause) {
    if (cause instanceof Failure) throw cause
    throw new Failure('target_failed', `Cannot write "${path}"`, { cause })
  }
}
