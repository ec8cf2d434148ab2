import type { DatabaseSession } from './database-session.ts'

/**
 * What table c of schema n is in the catalogs: its name, its file, its columns, and the labels of enumerations where it may
 * have such. A view of rows holds back none of them.
 */
export const shapeQuery = `format('%I.%I', n.nspname, c.relname) || ' ' || c.relfilenode || ' ' ||
  coalesce((SELECT string_agg(concat_ws(':', attnum, attname, atttypid, atttypmod, attisdropped, atthasmissing, attgenerated),
                              ' ' ORDER BY attnum)
              FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0), '') || ' ' ||
  CASE WHEN EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND atttypid >= 16384)
       THEN (SELECT coalesce(sum(hashtextextended(oid::text || enumlabel, 0)), 0) FROM pg_enum) ELSE 0 END`

/** The shape of a table as it is now, by a session outside of any view; undefined where there is no such table. */
export async function shapeOf(witness: DatabaseSession, oid: string): Promise<string | undefined> {
  const [row] = await witness.query(
    `SELECT ${shapeQuery} AS shape FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ${oid}`,
  )
  return row?.shape ?? undefined
}
