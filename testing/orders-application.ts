/**
 * A small application on a SQLite database, as one that depends on a source: it keeps the database open and answers over HTTP.
 *
 *   orders-application.ts start FOLDER      begins it in the background, on the port in FOLDER/port
 *   orders-application.ts stop FOLDER       ends it; well where it does not run
 *   orders-application.ts health FOLDER     exits 0 where it answers
 *   orders-application.ts serve FOLDER      what `start` begins
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

const [verb, folder] = process.argv.slice(2) as [string, string]
const pidPath = join(folder, 'application.pid')
const port = Number(readFileSync(join(folder, 'port'), 'utf8'))

if (verb === 'serve') serve()
else if (verb === 'start') await start()
else if (verb === 'stop') await stop()
else process.exitCode = (await isWell()) ? 0 : 1

function serve(): void {
  const database = new DatabaseSync(join(folder, 'orders.db'))
  const count = database.prepare('select count(*) as count from orders')
  const server = createServer((request, response) => {
    const isKnown = request.url === '/orders'
    response.writeHead(isKnown ? 200 : 404, { 'content-type': 'application/json' })
    response.end(isKnown ? JSON.stringify({ orders: count.get() }) : '{}')
  })
  process.on('SIGTERM', () => {
    database.close()
    process.exit(0)
  })
  server.listen(port, '127.0.0.1', () => writeFileSync(pidPath, String(process.pid)))
}

async function start(): Promise<void> {
  if (processId() !== undefined) return
  const words = [import.meta.filename, 'serve', folder]
  spawn(process.execPath, words, { detached: true, stdio: 'ignore' }).unref()
  for (let waits = 0; waits < 200 && !(await isWell()); waits++) await sleep(50)
}

async function stop(): Promise<void> {
  const pid = processId()
  if (pid !== undefined) {
    process.kill(pid, 'SIGTERM')
    for (let isThere = true; isThere; isThere = isAlive(pid)) await sleep(20)
  }
  rmSync(pidPath, { force: true })
}

async function isWell(): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/orders`)).ok
  } catch {
    return false
  }
}

function processId(): number | undefined {
  const pid = existsSync(pidPath) ? Number(readFileSync(pidPath, 'utf8')) : undefined
  return pid !== undefined && isAlive(pid) ? pid : undefined
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
