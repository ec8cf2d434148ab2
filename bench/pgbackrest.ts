import { chownSync, mkdirSync } from 'node:fs'
import type { PostgresqlServer } from '../testing/postgresql-server.ts'
import { runWell } from '../testing/run-program.ts'
import type { TemporaryFolder } from '../testing/temporary-folder.ts'
import { measure } from './measure.ts'

/** A pgBackRest: Debian's, or one that was built from its sources. */
export interface BackRest {
  readonly program: string
  /** What it says of itself: 2.45 */
  readonly version: string
}

export async function backRestAt(program: string): Promise<BackRest> {
  const { stdout } = await runWell(program, ['version'], {})
  return { program, version: stdout.trim().replace('pgBackRest ', '') }
}

/**
 * pgBackRest as the server's user, with a repository of its own below `folder`: answers the seconds that a command took. One
 * that can stores small files together and of large ones the blocks that changed.
 */
export function backRestOf(
  { program, version }: BackRest,
  server: PostgresqlServer,
  folder: TemporaryFolder,
  name: string,
): (...words: string[]) => Promise<number> {
  const [repository, log] = [folder.at(`theirs-${name}`), folder.at(`theirs-log-${name}`)]
  for (const path of [repository, log]) {
    mkdirSync(path, { mode: 0o700 })
    if (process.getuid!() === 0) chownSync(path, server.owner.uid, server.owner.gid)
  }
  const options = [
    '--stanza=bench',
    `--repo1-path=${repository}`,
    '--repo1-cipher-type=aes-256-cbc',
    `--log-path=${log}`,
    `--lock-path=${log}`,
    `--spool-path=${log}`,
    `--pg1-socket-path=${server.socketFolder}`,
    '--pg1-user=postgres',
    '--compress-type=zst',
    '--process-max=2',
    ...(Number(version.split('.')[1]) >= 46 ? ['--repo1-bundle', '--repo1-block'] : []),
    '--start-fast',
    '--no-archive-check',
    '--log-level-console=warn',
  ]
  const user =
    process.getuid!() === 0
      ? ['setpriv', `--reuid=${server.owner.uid}`, `--regid=${server.owner.gid}`, '--clear-groups']
      : []
  return async (...words) => {
    const [verb, ...more] = words
    const hasPath = more.some((word) => word.startsWith('--pg1-path='))
    const accepted = options.filter((option) => accepts(verb!, option))
    const all = [...user, program, ...accepted, ...(hasPath ? [] : [`--pg1-path=${server.dataFolder}`]), ...more, verb!]
    const { wallSeconds } = await measure(all[0]!, all.slice(1), {
      environment: { PGBACKREST_REPO1_CIPHER_PASS: 'bench' },
      cwd: '/',
      log: folder.at('log-theirs'),
    })
    return wallSeconds
  }
}

/** Not every command takes every option. */
function accepts(verb: string, option: string): boolean {
  const ofBackup = ['--repo1-bundle', '--repo1-block', '--compress-type', '--start-fast', '--no-archive-check']
  const ofServer = ['--pg1-socket-path', '--pg1-user']
  if (ofBackup.some((one) => option.startsWith(one))) return verb === 'backup'
  if (ofServer.some((one) => option.startsWith(one))) return verb !== 'restore'
  if (option.startsWith('--spool-path')) return verb === 'restore'
  return !(option.startsWith('--process-max') && verb === 'stanza-create')
}
