import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CommandRun, runWords } from './fake-world.ts'
import type { PostgresqlServiceSettings } from './postgresql-service.ts'
import type { PostgresqlServer } from './postgresql-server.ts'
import type { PrintedDocument } from './procedure-world.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Settings of a server whose log goes into a folder beside its data, as it would from an archive_command of ours. */
export const archivingSettings = {
  archive_mode: 'on',
  archive_command: 'cp "%p" "../inbox/%f"',
} as const

/** A policy for a PostgreSQL server that is one of the services of its source, and a small application that depends on it. */
export interface PostgresqlProcedureWorld extends AsyncDisposable {
  readonly folder: string
  readonly policyPath: string
  run(...words: string[]): Promise<CommandRun>
  /** Runs it, and it must end with this exit code; the documents that it printed. */
  expect(code: number, ...words: string[]): Promise<PrintedDocument[]>
  /** How many orders the application tells of. */
  orders(): Promise<number | undefined>
  serviceLog(): string[]
  /** Stops or starts a service as the policy does. */
  control(name: 'web' | 'database', verb: 'stop' | 'start'): void
  /** Stores what the server has written of its log, as `wal push` would from its archive_command. */
  storeLog(): Promise<void>
  /** Files that the server has archived. */
  archived(): string[]
}

/** The server holds the table "orders", and is started by the service from here on. */
export async function makePostgresqlProcedureWorld(
  server: PostgresqlServer,
  options: {
    /** Lines of the source in the policy. */
    readonly source: readonly string[]
    readonly services: readonly ('web' | 'database')[]
    readonly expectOrders: number
    /** Where the orders are; "postgres" where it is not given. */
    readonly database?: string
    /** Further sources, as `init` takes them; they are made before it. */
    readonly moreSources?: (folder: string) => readonly string[]
  },
): Promise<PostgresqlProcedureWorld> {
  const temporary = temporaryFolder('orders')
  const folder = temporary.path
  chmodSync(folder, 0o755)
  const inbox = join(server.folder, 'inbox')
  mkdirSync(inbox, { recursive: true })
  if (process.getuid!() === 0) {
    chownSync(inbox, server.owner.uid, server.owner.gid)
    chownSync(server.folder, server.owner.uid, server.owner.gid)
  }
  const { source, services, expectOrders, database = 'postgres', moreSources = () => [] } = options
  const { binFolder, dataFolder, owner } = server
  const url = server.urlOf({ database })
  const settings: PostgresqlServiceSettings = { folder, port: await freePort(), url, binFolder, dataFolder, owner }
  writeFileSync(join(folder, 'services.json'), JSON.stringify(settings))
  const words = (name: string, verb: string): string[] => {
    return [
      process.execPath,
      join(import.meta.dirname, 'postgresql-service.ts'),
      join(folder, 'services.json'),
      name,
      verb,
    ]
  }
  const service = (name: string): string => {
    const verbs = ['stop', 'start', 'health'].map((verb) => `${verb}: ${JSON.stringify(words(name, verb))}`)
    return `  ${name}: { ${verbs.join(', ')}, timeout: 20 seconds }\n`
  }
  const run = (...all: string[]): Promise<CommandRun> =>
    runWords(all, {
      workingDirectory: folder,
      environment: { PATH: `${binFolder}:${process.env['PATH']}`, TMPDIR: folder },
      userId: process.getuid!(),
      groupId: process.getgid!(),
    })
  const expect = async (code: number, ...all: string[]): Promise<PrintedDocument[]> => {
    const end = await run(...all)
    assert.equal(end.code, code, `${all.join(' ')} ended with ${end.code}\n${end.stdout}${end.stderr}`)
    const lines = all.includes('--json') ? end.stdout.trim().split('\n') : []
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as PrintedDocument)
  }
  const more = moreSources(folder).flatMap((one) => ['--source', one])
  await expect(0, 'init', '--yes', '--secondary', 'off-site', '--source', `postgresql:orders=${url}`, ...more)
  const policyPath = join(folder, 'zakops-backup.yaml')
  const application = `http://127.0.0.1:${settings.port}/`
  const validations = [
    `{ http: { url: "${application}", jsonPath: orders.count, expect: "${expectOrders}" } }`,
    `{ sql: select count(*) from orders, expect: "${expectOrders}" }`,
  ]
  const added = [...source, `services: [${services.join(', ')}]`, `validations: [${validations.join(', ')}]`]
  const text = readFileSync(policyPath, 'utf8')
    .replace(/^services: \{\}\n/m, `services:\n${service('web')}${service('database')}`)
    .replace('    kind: postgresql\n', `    kind: postgresql\n${added.map((line) => `    ${line}\n`).join('')}`)
  writeFileSync(policyPath, text)
  await server.stop()
  const control = (name: string, verb: string): void => {
    const [program, ...rest] = words(name, verb)
    assert.equal(spawnSync(program!, rest, { stdio: 'inherit' }).status, 0, `${verb} ${name}`)
  }
  for (const name of ['database', 'web']) control(name, 'start')
  const archived = (): string[] => readdirSync(inbox).toSorted()
  const stored = new Set<string>()
  return {
    folder,
    policyPath,
    run,
    expect,
    archived,
    control,
    orders: async () => {
      for (let tries = 0; tries < 200; tries++) {
        const answer = await fetch(application).catch(() => undefined)
        if (answer !== undefined) {
          return ((await answer.json().catch(() => undefined)) as { orders?: { count: number } })?.orders?.count
        }
        await sleep(25) // It has just been started.
      }
      return undefined
    },
    serviceLog: () => {
      const path = join(folder, 'service.log')
      return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []
    },
    storeLog: async () => {
      // A segment with nothing in it is not closed.
      const name = await server.psql("select pg_walfile_name(pg_logical_emit_message(true, 'a test', 'of the log'))")
      await server.psql('select pg_switch_wal()')
      for (let tries = 0; !archived().includes(name); tries++) {
        assert.ok(tries < 500, `the server does not archive "${name}"`)
        await sleep(20)
      }
      for (const file of archived().filter((one) => !stored.has(one))) {
        // It wants the data folder above the file, and the one that is in production has changed meanwhile.
        const pushed = join(dataFolder, 'pushed')
        mkdirSync(pushed, { recursive: true })
        copyFileSync(join(inbox, file), join(pushed, file))
        await expect(0, 'wal', 'push', join(pushed, file), '--source', 'orders')
        rmSync(pushed, { recursive: true })
        stored.add(file)
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const name of ['web', 'database']) control(name, 'stop')
      await temporary[Symbol.asyncDispose]()
    },
  }
}

async function freePort(): Promise<number> {
  const listener = createServer()
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address() as { port: number }
  await new Promise((resolve) => listener.close(resolve))
  return port
}
