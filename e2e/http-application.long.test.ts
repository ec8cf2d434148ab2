/** A database restore under an application that has the database open and answers over HTTP. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeProcedureWorld } from '../testing/procedure-world.ts'
import { runWell } from '../testing/run-program.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'

const application = fileURLToPath(new URL('../testing/orders-application.ts', import.meta.url))

test('a database is restored under an application: it is stopped, started, and must answer what the policy expects', async () => {
  await using folder = temporaryFolder('application')
  const world = await makeProcedureWorld(folder.path)
  const port = await freePort()
  writeFileSync(folder.at('port'), String(port))
  const words = (verb: string): string => `[${process.execPath}, ${application}, ${verb}, ${folder.path}]`
  const policy = folder.at('zakops-backup.yaml')
  const service = `  web: { stop: ${words('stop')}, start: ${words('start')}, health: ${words('health')}, timeout: 20 seconds }\n`
  const http = `{ http: { url: "http://127.0.0.1:${port}/orders", status: 200, jsonPath: orders.count, expect: "1" } }`
  const text = readFileSync(policy, 'utf8')
    .replace(/^ {2}web: .*\n/m, service)
    .replace(/validations: \[.*\]/, `validations: [{ sql: "select count(*) from orders", expect: "1" }, ${http}]`)
  assert.ok(text.includes(service) && text.includes(http))
  writeFileSync(policy, text)

  await runWell(process.execPath, [application, 'start', folder.path])
  try {
    await world.expect(0, 'backup', 'orders')
    world.change("insert into orders (item) values ('lost by the restore')")
    assert.equal(await answered(port), 2)
    const restore = ['procedure', 'run', 'database-restore', '--source', 'orders', '--json']
    const [end] = await world.expect(0, ...restore)
    assert.equal(end!.proven, true)
    assert.equal(await answered(port), 1)

    await world.expect(0, 'procedure', 'roll-back', end!.run)
    assert.equal(await answered(port), 2, 'the application has the old database again')
  } finally {
    await runWell(process.execPath, [application, 'stop', folder.path])
  }
})

async function answered(port: number): Promise<number> {
  const body = (await (await fetch(`http://127.0.0.1:${port}/orders`)).json()) as { orders: { count: number } }
  return body.orders.count
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => {
    server.close(resolve)
  })
  return port
}
