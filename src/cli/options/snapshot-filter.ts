import { posix } from 'node:path'
import type { SnapshotFilter } from '../../operations/list/select-snapshots.ts'
import type { World } from '../world.ts'

/** The options --host, --tag and --path of a command that chooses snapshots. */
export interface FilterOptions {
  readonly host?: readonly string[] | undefined
  readonly tag?: readonly (readonly string[])[] | undefined
  readonly path?: readonly string[] | undefined
}

/**
 * Which snapshots these options let through. Like restic's, --host is $RESTIC_HOST where it is not given, and an
 * empty --host lets all hosts through. Relative paths start from the working directory.
 */
export function snapshotFilter(options: FilterOptions, world: World): SnapshotFilter {
  const ownHost = world.environment['RESTIC_HOST']
  const hosts = options.host ?? (ownHost ? [ownHost] : [])
  return {
    hosts: hosts.filter((host) => host !== ''),
    tags: options.tag ?? [],
    paths: (options.path ?? []).map((path) => posix.resolve(world.workingDirectory, path)),
  }
}
