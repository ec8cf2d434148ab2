import { isFailure } from '../../base/failure.ts'
import type { DatabaseSession } from './database-session.ts'

export interface SequenceValue {
  readonly name: string
  /** The last value that is spoken for: what the sequence stands at after a crash. */
  readonly value: string
  readonly isCalled: boolean
}

/** A sequence by its file, which the log names it by: "tablespace/database/file", by their numbers. */
export interface SequenceState extends SequenceValue {
  readonly file: string
}

/** Statements are kept to a length that any server takes. */
const sequencesPerStatement = 500
/** A sequence that is dropped while it is read has them read anew; a server that drops them without end is given up. */
const readingsMax = 20
const undefinedTable = '42P01'

/**
 * Where the sequences of a database stand. A sequence writes to the log some values ahead, and goes on behind them
 * after a crash or a recovery; so not the last value that was given out is told, but the last one of those.
 */
export async function readSequences(session: DatabaseSession): Promise<SequenceValue[]> {
  const states = await readStates(session)
  return states.map(({ name, value, isCalled }) => ({ name, value, isCalled }))
}

/**
 * The same where others are at work, outside of any view: what is told of a sequence is what it stood at at one moment
 * during the call, or what a record says that was written to the log since the call.
 */
export async function readSequenceStates(session: DatabaseSession): Promise<ReadonlyMap<string, SequenceState>> {
  for (let reading = 1; ; reading++) {
    try {
      const first = await readStates(session)
      // The server gives the two numbers, whose sum it is, as it finds them, and they may be of two moments. A sum
      // that is found twice is a true one; and one that changed has its record in the log.
      const again = new Map((await readStates(session)).map((state) => [state.file, state]))
      const isSteady = ({ file, value, isCalled }: SequenceState): boolean => {
        const other = again.get(file)
        return other?.value === value && other.isCalled === isCalled
      }
      return new Map(first.filter(isSteady).map((state) => [state.file, state]))
    } catch (error) {
      if (!isFailure(error) || error.facts.state !== undefinedTable || reading >= readingsMax) throw error
    }
  }
}

/** The sequences that the session's view holds, by name and file. */
export async function listSequences(
  session: DatabaseSession,
): Promise<readonly { readonly name: string; readonly increment: string; readonly file: string }[]> {
  const rows = await session.query(`
    SELECT format('%I.%I', n.nspname, c.relname) AS name, s.seqincrement AS increment,
           format('%s/%s/%s', coalesce(nullif(c.reltablespace, 0), d.dattablespace), d.oid, c.relfilenode) AS file
      FROM pg_sequence s
      JOIN pg_class c ON c.oid = s.seqrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_database d ON d.datname = current_database()
     WHERE c.relpersistence = 'p' AND n.nspname !~ '^pg_temp'
     ORDER BY format('%I.%I', n.nspname, c.relname) COLLATE "C"`)
  return rows.map(({ name, increment, file }) => ({ name: name!, increment: increment!, file: file! }))
}

async function readStates(session: DatabaseSession): Promise<SequenceState[]> {
  const sequences = await listSequences(session)
  const values: SequenceState[] = []
  for (let from = 0; from < sequences.length; from += sequencesPerStatement) {
    const parts = sequences
      .slice(from, from + sequencesPerStatement)
      .map(
        ({ name, increment }, at) =>
          `SELECT ${at} AS at, (last_value::numeric + log_cnt::numeric * (${increment}))::text AS value, is_called FROM ${name}`,
      )
    for (const row of await session.query(parts.join(' UNION ALL '))) {
      const { name, file } = sequences[from + Number(row.at)]!
      values.push({ name, file, value: row.value!, isCalled: row.is_called === 't' })
    }
  }
  return values
}
