import { createHash } from 'node:crypto'
import type { DatabaseSession } from './database-session.ts'

/** Schemas of the system, and of sessions that have ended. */
const ofUsers = (alias: string): string => `${alias}.nspname !~ '^pg_' AND ${alias}.nspname <> 'information_schema'`

/** Each answers lines of text that say what the schema holds, by names and never by numbers that a dump would not keep. */
const statements: readonly string[] = [
  `SELECT json_build_array('database', pg_encoding_to_char(encoding), datcollate, datctype, pg_get_userbyid(datdba))::text AS line
     FROM pg_database WHERE datname = current_database()`,
  // Only that it is another one: versions write the same locale in different ways.
  `SELECT json_build_array('locale provider', datlocprovider)::text AS line
     FROM pg_database WHERE datname = current_database() AND datlocprovider <> 'c'`,
  `SELECT json_build_array('schema', n.nspname, pg_get_userbyid(n.nspowner), n.nspacl::text)::text AS line
     FROM pg_namespace n WHERE ${ofUsers('n')}`,
  `SELECT json_build_array('relation', n.nspname, c.relname, c.relkind, c.relpersistence, pg_get_userbyid(c.relowner),
            c.relacl::text, c.reloptions, c.relrowsecurity, c.relforcerowsecurity, t.spcname, a.amname,
            pg_get_expr(c.relpartbound, c.oid), CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
            CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
            ARRAY(SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = c.oid ORDER BY inhseqno))::text AS line
     FROM pg_class c
     JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
     LEFT JOIN pg_am a ON a.oid = c.relam
    WHERE ${ofUsers('n')} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c', 'S')`,
  `SELECT json_build_array('column', n.nspname, c.relname,
            row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), a.attname, format_type(a.atttypid, a.atttypmod),
            a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, a.attacl::text,
            co.collname, a.attstorage, a.attcompression, a.attoptions)::text AS line
     FROM pg_attribute a
     JOIN pg_class c ON c.oid = a.attrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     LEFT JOIN pg_collation co ON co.oid = a.attcollation
    WHERE ${ofUsers('n')} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND a.attnum > 0 AND NOT a.attisdropped`,
  `SELECT json_build_array('constraint', n.nspname, r.conname, r.conrelid::regclass::text, format_type(r.contypid, NULL),
            r.convalidated, pg_get_constraintdef(r.oid))::text AS line
     FROM pg_constraint r JOIN pg_namespace n ON n.oid = r.connamespace WHERE ${ofUsers('n')}`,
  `SELECT json_build_array('index', i.indisvalid, i.indisclustered, i.indisreplident, pg_get_indexdef(i.indexrelid))::text AS line
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${ofUsers('n')}`,
  `SELECT json_build_array('function', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid), p.prokind,
            pg_get_userbyid(p.proowner), p.proacl::text,
            CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END)::text AS line
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE ${ofUsers('n')}`,
  `SELECT json_build_array('trigger', t.tgenabled, pg_get_triggerdef(t.oid))::text AS line
     FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT t.tgisinternal AND ${ofUsers('n')}`,
  `SELECT json_build_array('rule', pg_get_ruledef(r.oid), r.ev_enabled)::text AS line
     FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE r.rulename <> '_RETURN' AND ${ofUsers('n')}`,
  `SELECT json_build_array('policy', n.nspname, c.relname, p.polname, p.polcmd, p.polpermissive,
            ARRAY(SELECT pg_get_userbyid(role) FROM unnest(p.polroles) AS role ORDER BY 1),
            pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))::text AS line
     FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${ofUsers('n')}`,
  `SELECT json_build_array('type', n.nspname, t.typname, t.typtype, pg_get_userbyid(t.typowner), t.typacl::text,
            CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END, t.typnotnull, t.typdefault,
            ARRAY(SELECT enumlabel FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder),
            (SELECT format_type(rngsubtype, NULL) FROM pg_range WHERE rngtypid = t.oid))::text AS line
     FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE ${ofUsers('n')} AND t.typtype IN ('d', 'e', 'r', 'b')
      AND t.typcategory <> 'A'`,
  `SELECT json_build_array('sequence', n.nspname, c.relname, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement,
            s.seqmin, s.seqmax, s.seqcycle, s.seqcache)::text AS line
     FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${ofUsers('n')}`,
  `SELECT json_build_array('statistics', pg_get_statisticsobjdef(s.oid))::text AS line
     FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE ${ofUsers('n')}`,
  `SELECT json_build_array('event trigger', evtname, evtevent, evtfoid::regproc::text, evtenabled, evttags)::text AS line
     FROM pg_event_trigger`,
  `SELECT json_build_array('publication', p.pubname, p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate,
            ARRAY(SELECT prrelid::regclass::text FROM pg_publication_rel WHERE prpubid = p.oid ORDER BY 1))::text AS line
     FROM pg_publication p`,
]

/** SHA-256, hex, over everything that the schema of a database holds, in an order that does not depend on the server. */
export async function readSchemaDigest(session: DatabaseSession): Promise<string> {
  const digest = createHash('sha256')
  for (const statement of statements) {
    for (const { line } of await session.query(`SELECT line FROM (${statement}) AS lines ORDER BY line COLLATE "C"`)) {
      digest.update(`${line}\n`)
    }
  }
  return digest.digest('hex')
}
