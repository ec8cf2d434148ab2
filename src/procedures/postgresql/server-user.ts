import { Failure } from '../../base/failure.ts'
import type { PostgresqlManifest } from '../../model/manifest.ts'
import { userNamed, type User } from '../../posix/user-named.ts'
import type { Installation } from '../installation.ts'

/**
 * Whom a private server runs as: the user of this name; where none is named, "postgres" where this process is root, and
 * else who we are, which is undefined. Failure `usage` for a name that the system does not know.
 */
export function serverUser({ host }: Pick<Installation, 'host'>, name: string | undefined): User | undefined {
  if (name === undefined) return host.userId === 0 ? userNamed('postgres') : undefined
  const user = userNamed(name)
  if (user !== undefined) return user
  throw new Failure('usage', `Cannot run a server as "${name}": this machine has no such user`)
}

/** A role that may do anything in a server that a manifest tells of: "postgres", where it is one. */
export function superuserOf(manifest: PostgresqlManifest | undefined): string | undefined {
  const names = (manifest?.roles ?? []).flatMap((role) => {
    const [, quoted, plain, rest = ''] = /^(?:"((?:[^"]|"")*)"|(\S+))(.*)$/.exec(role) ?? []
    const name = plain ?? quoted?.replaceAll('""', '"')
    return name !== undefined && / superuser\b/.test(rest) && / login\b/.test(rest) ? [name] : []
  })
  return names.includes('postgres') ? 'postgres' : names[0]
}
