import { createConnection, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { PostgresqlServer } from './postgresql-server.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Stands before a server and holds back each statement until it was looked at. */
export interface StatementGate extends AsyncDisposable {
  /** Of the server, through the gate. */
  readonly url: string
  /** So many connections were open at the same time. */
  readonly peak: () => number
}

/** `before` is told of everything that a client sends, as text, and the server gets it when that is fulfilled. */
export async function openStatementGate(
  server: PostgresqlServer,
  before: (text: string) => Promise<void> | undefined,
): Promise<StatementGate> {
  const folder = temporaryFolder('pg-gate')
  const sockets = new Set<Socket>()
  let peak = 0
  const gate = createServer((client) => {
    const upstream = createConnection(join(server.socketFolder, '.s.PGSQL.5432'))
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one)
      peak = Math.max(peak, sockets.size / 2)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
    let turn = Promise.resolve()
    client.on('data', (bytes) => {
      turn = turn.then(async () => {
        await before(bytes.toString('latin1'))
        upstream.write(bytes)
      })
      turn.catch((error: unknown) => client.destroy(error as Error))
    })
    upstream.pipe(client)
  })
  await new Promise<void>((resolve) => gate.listen(folder.at('.s.PGSQL.5432'), resolve))
  return {
    url: server.url.replace(encodeURIComponent(server.socketFolder), encodeURIComponent(folder.path)),
    peak: () => Math.ceil(peak),
    [Symbol.asyncDispose]: async () => {
      gate.close()
      for (const socket of sockets) socket.destroy()
      await folder[Symbol.asyncDispose]()
    },
  }
}
