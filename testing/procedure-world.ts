import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type CommandRun, runWords } from './fake-world.ts'

/** What the program prints with --json about procedures; which of it is there depends on the command. */
export interface PrintedDocument {
  readonly message_type: string
  readonly run: string
  readonly procedure: string
  readonly state: string
  readonly rolled_back_at: string | null
  readonly proven: boolean
  readonly summary: string
  readonly gaps: readonly string[]
  readonly oldPath: string
  readonly removed: readonly string[]
  readonly kept: readonly { readonly source: string; readonly folder: string }[]
  readonly outcome: string
  readonly location: string
  readonly negativeControl: { readonly outcome: string; readonly damage: string; readonly found: string | null } | null
  readonly steps: readonly { readonly step: string; readonly state: string; readonly result: unknown }[]
  readonly moved: readonly { readonly path: string; readonly oldPath: string; readonly atomic: boolean }[]
}

/** A policy in a folder with a database, files and a service that depends on both: a file that is there while it runs. */
export interface ProcedureWorld {
  readonly folder: string
  run(...words: string[]): Promise<CommandRun>
  /** Runs it, and it must end with this exit code; the documents that it printed. */
  expect(code: number, ...words: string[]): Promise<PrintedDocument[]>
  change(sql: string): void
  /** The items of the orders. */
  orders(path?: string): unknown[]
  readonly database: string
  readonly isServiceRunning: () => boolean
  /** What was done to the service, in its order. */
  readonly serviceLog: () => string[]
}

/** The service: stops and starts by a marker, and keeps a log. A file "<verb>-fails" has that verb fail. */
const serviceScript = `#!/bin/sh
cd "$(dirname "$0")" || exit 9
echo "$1" >> service.log
if [ -e "$1-fails" ]; then echo "$1 is not possible today"; exit 3; fi
case "$1" in
  start) touch running ;;
  stop) rm -f running ;;
  health) test -e running ;;
esac
`

/** Makes the policy, without a backup yet. `folder` exists. */
export async function makeProcedureWorld(folder: string): Promise<ProcedureWorld> {
  const database = join(folder, 'orders.db')
  const script = join(folder, 'service.sh')
  writeFileSync(script, serviceScript)
  chmodSync(script, 0o755)
  writeFileSync(join(folder, 'running'), '')
  mkdirSync(join(folder, 'documents/letters'), { recursive: true })
  writeFileSync(join(folder, 'documents/letters/one'), 'one')
  writeFileSync(join(folder, 'documents/notes'), 'notes')
  const run = (...words: string[]): Promise<CommandRun> =>
    runWords(words, {
      workingDirectory: folder,
      environment: { PATH: process.env['PATH'] },
      userId: process.getuid!(),
      groupId: process.getgid!(),
    })
  const expect = async (code: number, ...words: string[]): Promise<PrintedDocument[]> => {
    const end = await run(...words)
    if (end.code !== code) throw new Error(`${words.join(' ')} ended with ${end.code}\n${end.stdout}${end.stderr}`)
    if (!words.includes('--json')) return []
    const lines = end.stdout.trim().split('\n')
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as PrintedDocument)
  }
  const change = (sql: string): void => {
    const opened = new DatabaseSync(database)
    opened.exec(sql)
    opened.close()
  }
  change("create table orders (id integer primary key, item text); insert into orders (item) values ('first')")
  const words = ['init', '--environment', 'production', '--yes']
  for (const location of ['primary', 'secondary']) words.push(`--${location}`, join(folder, location))
  words.push('--source', `files:documents=${join(folder, 'documents')}`, '--source', `sqlite:orders=${database}`)
  await expect(0, ...words)
  const policy = join(folder, 'zakops-backup.yaml')
  const service = `services:\n  web: { stop: [${script}, stop], start: [${script}, start], health: [${script}, health], timeout: 2 seconds }\n`
  const validations = `    services: [web]\n    validations: [{ sql: "select count(*) > 0 from orders", expect: "1" }, { command: [test, -e, ${folder}/running] }]\n`
  const text = readFileSync(policy, 'utf8').replace(/^services: \{\}\n/m, service)
  const withServices = text.replace(/^( +path: .*orders\.db.*\n)/m, `$1${validations}`)
  if (withServices === text || !text.includes(service)) throw new Error(`The policy is not as expected:\n${text}`)
  writeFileSync(policy, withServices)
  return {
    folder,
    database,
    run,
    expect,
    change,
    orders: (path = database) => {
      const opened = new DatabaseSync(path, { readOnly: true })
      try {
        return opened
          .prepare('select item from orders order by id')
          .all()
          .map((row) => row['item'])
      } finally {
        opened.close()
      }
    },
    isServiceRunning: () => existsSync(join(folder, 'running')),
    serviceLog: () => readFileSync(join(folder, 'service.log'), 'utf8').trim().split('\n'),
  }
}
