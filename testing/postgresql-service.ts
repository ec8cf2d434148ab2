/**
 * The services of a test: the application of postgresql-application.ts, and the PostgreSQL server below it.
 *
 *   node postgresql-service.ts SETTINGS web|database stop|start|health
 */
import { spawn, spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface PostgresqlServiceSettings {
  /** Where the log, and the number of the application's process are. */
  readonly folder: string
  readonly port: number
  readonly url: string
  readonly binFolder: string
  readonly dataFolder: string
  /** Whom the server runs as, where this process is root. */
  readonly owner: { readonly uid: number; readonly gid: number }
}

const [path, service, verb] = process.argv.slice(2) as [string, string, string]
const settings = JSON.parse(readFileSync(path, 'utf8')) as PostgresqlServiceSettings
appendFileSync(join(settings.folder, 'service.log'), `${verb} ${service}\n`)
if (existsSync(join(settings.folder, `${verb}-${service}-fails`))) {
  console.error(`${verb} is not possible today`)
  process.exitCode = 3
} else process.exitCode = service === 'database' ? controlServer() : await controlApplication()

function controlServer(): number {
  const { binFolder, dataFolder, folder, owner } = settings
  const user = process.getuid!() === 0 ? owner : {}
  const words = { stop: ['stop', '-m', 'fast', '-w'], start: ['start', '-w', '-s'], health: ['status'] }[verb]!
  const log = openSync(join(folder, 'server.log'), 'a')
  const end = spawnSync(join(binFolder, 'pg_ctl'), ['-D', dataFolder, ...words], {
    cwd: '/',
    stdio: ['ignore', log, log],
    ...user,
  })
  // Where it is as it should be already: 3 is "no server is running".
  if (verb === 'health') return end.status ?? 9
  const isUp = spawnSync(join(binFolder, 'pg_ctl'), ['-D', dataFolder, 'status'], { cwd: '/', ...user }).status === 0
  return isUp === (verb === 'start') ? 0 : 1
}

async function controlApplication(): Promise<number> {
  const { folder, port, url } = settings
  const numberPath = join(folder, 'web.pid')
  if (verb === 'health') {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)
    return answer?.status === 200 ? 0 : 1
  }
  if (existsSync(numberPath)) {
    const processId = Number(readFileSync(numberPath, 'utf8'))
    if (verb === 'start' && existsSync(`/proc/${processId}`)) return 0
    try {
      process.kill(processId)
    } catch {
      // It has ended already.
    }
    while (existsSync(`/proc/${processId}`)) await sleep(10)
    rmSync(numberPath)
  }
  if (verb === 'stop') return 0
  const words = [join(import.meta.dirname, 'postgresql-application.ts'), String(port), url]
  const child = spawn(process.execPath, words, { detached: true, stdio: 'ignore' })
  child.unref()
  writeFileSync(numberPath, String(child.pid))
  return 0
}
