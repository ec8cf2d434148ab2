import { hash } from 'node:crypto'
import type { DatabaseProperties } from '../../model/postgresql-dump.ts'
import type { DatabaseSession } from './database-session.ts'

/** What a database is besides its content, as the session's view has it; by names, so that it can be compared with a copy. */
export async function readDatabaseProperties(session: DatabaseSession): Promise<DatabaseProperties> {
  const row = await session.row(`
    SELECT datconnlimit AS connections, datistemplate AS template, datacl IS NULL AS plain,
           shobj_description(d.oid, 'pg_database') AS comment,
           (SELECT coalesce(json_agg(json_build_object('role', r.rolname, 'values', s.setconfig)
                            ORDER BY r.rolname COLLATE "C" NULLS FIRST), '[]')
              FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
             WHERE s.setdatabase = d.oid) AS settings,
           (SELECT coalesce(json_agg(DISTINCT jsonb_build_object('role', r.rolname, 'right', a.privilege_type,
                                                                 'mayGrant', a.is_grantable)), '[]')
              FROM aclexplode(d.datacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
             WHERE a.grantee = 0 OR r.oid IS NOT NULL) AS grants
      FROM pg_database d WHERE datname = current_database()`)
  const grants = (JSON.parse(row.grants!) as NonNullable<DatabaseProperties['grants']>).toSorted(byText)
  return {
    connectionLimit: Number(row.connections),
    isTemplate: row.template === 't',
    comment: row.comment ?? null,
    settings: JSON.parse(row.settings!) as DatabaseProperties['settings'],
    grants: row.plain === 't' ? null : grants,
  }
}

/**
 * One line for each, for a manifest. The comment is none of what makes a database work, and is left out. Settings of
 * applications, which have a point in their names, may be secrets, and a manifest is shown where it differs: a digest stands for them.
 */
export function describeProperties({ connectionLimit, isTemplate, settings, grants }: DatabaseProperties): string[] {
  return [
    ...(connectionLimit < 0 ? [] : [`connection limit ${connectionLimit}`]),
    ...(isTemplate ? ['template'] : []),
    ...settings.flatMap(({ role, values }) =>
      values.map((value) => `set${role === null ? '' : ` for ${role}`} ${withoutSecret(value)}`).toSorted(),
    ),
    ...(grants ?? []).map(
      ({ role, right, mayGrant }) => `${right} to ${role ?? 'everybody'}${mayGrant ? ' with grant option' : ''}`,
    ),
    ...(grants?.length === 0 ? ['nothing to anybody'] : []),
  ]
}

/** Of "name=value". */
function withoutSecret(setting: string): string {
  const at = setting.indexOf('=')
  const name = setting.slice(0, at)
  return name.includes('.') ? `${name}=${hash('sha256', setting.slice(at + 1)).slice(0, 16)}` : setting
}

function byText(one: unknown, other: unknown): number {
  const [a, b] = [JSON.stringify(one), JSON.stringify(other)]
  return a < b ? -1 : Number(a > b)
}
