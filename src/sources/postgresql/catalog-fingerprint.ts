import type { DatabaseSession } from './database-session.ts'

/** What says nothing of a schema and changes by itself, or is as large as the data. */
const left = [
  'pg_depend',
  'pg_description',
  'pg_init_privs',
  'pg_largeobject',
  'pg_largeobject_metadata',
  'pg_replication_origin',
  'pg_seclabel',
  'pg_shdepend',
  'pg_shdescription',
  'pg_shseclabel',
  'pg_statistic',
  'pg_statistic_ext_data',
  'pg_subscription_rel',
]

/** Relations and schemas of sessions come and go; the rest of their rows name one of them in these columns. */
const relation = ['attrelid', 'adrelid', 'conrelid', 'ev_class', 'indrelid', 'inhrelid', 'seqrelid', 'stxrelid']
const ofRelation = [...relation, 'tgrelid', 'typrelid', 'polrelid', 'partrelid']
const ofSchema = ['relnamespace', 'typnamespace', 'connamespace', 'pronamespace', 'stxnamespace']

/**
 * Tells which versions of the rows of all catalogs a view sees, those that databases share included. A change of the
 * schema makes new versions, also one that puts back what was before; so two views with the same fingerprint see the same
 * schema, and so did every view between. Temporary things, and what only statistics say, are left out.
 */
export async function readCatalogFingerprint(session: DatabaseSession): Promise<string> {
  const catalogs = await session.query(
    `SELECT c.relname AS name,
            ARRAY(SELECT attname FROM pg_attribute a
                   WHERE attrelid = c.oid AND attname = ANY($2::text[]) ORDER BY attname)::text AS relations,
            ARRAY(SELECT attname FROM pg_attribute a
                   WHERE attrelid = c.oid AND attname = ANY($3::text[]) ORDER BY attname)::text AS schemas
       FROM pg_class c
      WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND c.relname <> ALL($1::text[])
        AND has_table_privilege(c.oid, 'SELECT')
      ORDER BY c.relname COLLATE "C"`,
    [left, ofRelation, ofSchema],
  )
  const parts = catalogs.map(({ name, relations, schemas }) => {
    const conditions = [
      ...columns(relations!).map((column) => `${column} NOT IN (SELECT oid FROM temporary)`),
      ...columns(schemas!).map((column) => `${column} NOT IN (SELECT oid FROM passing)`),
      ...(name === 'pg_namespace' ? [`nspname !~ '^pg_(toast_)?temp_'`] : []),
      'true',
    ]
    return `SELECT '${name}' AS name, count(*) AS rows,
                   sum(hashtextextended(xmin::text || ctid::text, 0)) AS versions
              FROM pg_catalog.${name} WHERE ${conditions.join(' AND ')}`
  })
  const row = await session.row(
    `WITH temporary AS MATERIALIZED (SELECT oid FROM pg_class WHERE relpersistence = 't'),
          passing AS MATERIALIZED (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_')
     SELECT string_agg(concat_ws(' ', name, rows, versions), ', ' ORDER BY name) AS fingerprint
       FROM (${parts.join(' UNION ALL ')}) AS catalogs`,
  )
  // Where they may not be read, at least the roles' names and rights are what they were.
  const roles = await session.row('SELECT sum(hashtextextended(r::text, 0)) AS roles FROM pg_roles r')
  return `${row.fingerprint}, roles ${roles.roles}`
}

/** What all databases share: catalogs, of which each database sees the same. */
const shared = /^(pg_auth_members|pg_authid|pg_database|pg_db_role_setting|pg_parameter_acl|pg_tablespace|roles) /

/** Of a fingerprint, what is the same in all databases. */
export function sharedPart(fingerprint: string): string {
  return fingerprint
    .split(', ')
    .filter((part) => shared.test(part))
    .join(', ')
}

/** Of "{one,two}". */
function columns(list: string): string[] {
  return list === '{}' ? [] : list.slice(1, -1).split(',')
}
