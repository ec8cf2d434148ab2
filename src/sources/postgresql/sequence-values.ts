import type { DatabaseSession } from './database-session.ts'

export interface SequenceValue {
  readonly name: string
  /** The last value that is spoken for: what the sequence stands at after a crash. */
  readonly value: string
  readonly isCalled: boolean
}

/** Statements are kept to a length that any server takes. */
const sequencesPerStatement = 500

/**
 * Where the sequences of a database stand. A sequence writes to the log some values ahead, and goes on behind them
 * after a crash or a recovery; so not the last value that was given out is told, but the last one of those.
 */
export async function readSequences(session: DatabaseSession): Promise<SequenceValue[]> {
  const sequences = await session.query(`
    SELECT format('%I.%I', n.nspname, c.relname) AS name, s.seqincrement AS increment
      FROM pg_sequence s
      JOIN pg_class c ON c.oid = s.seqrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relpersistence = 'p' AND n.nspname !~ '^pg_temp'
     ORDER BY format('%I.%I', n.nspname, c.relname) COLLATE "C"`)
  const values: SequenceValue[] = []
  for (let from = 0; from < sequences.length; from += sequencesPerStatement) {
    const parts = sequences
      .slice(from, from + sequencesPerStatement)
      .map(
        ({ name, increment }) =>
          `SELECT (last_value::numeric + log_cnt::numeric * (${increment}))::text AS value, is_called FROM ${name}`,
      )
    const rows = await session.query(parts.join(' UNION ALL '))
    for (const [at, row] of rows.entries()) {
      values.push({ name: sequences[from + at]!.name!, value: row.value!, isCalled: row.is_called === 't' })
    }
  }
  return values
}
