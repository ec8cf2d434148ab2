import assert from 'node:assert/strict'
import { createServer, type Socket, connect } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Failure } from '../../base/failure.ts'
import type { PostgresqlConnection } from './connection.ts'
import { WireReader } from './wire-reader.ts'

/** A connection whose server is told what to say. */
async function pair(): Promise<{ connection: PostgresqlConnection; server: Socket } & AsyncDisposable> {
  const listener = createServer()
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address() as { port: number }
  const socket = connect(address.port, '127.0.0.1')
  const [server] = (await once(listener, 'connection')) as [Socket]
  server.on('error', () => {}) // The other end hangs up.
  const connection = { socket, server: 'test', failure: broken } as unknown as PostgresqlConnection
  return {
    connection,
    server,
    [Symbol.asyncDispose]: async () => {
      server.destroy()
      socket.destroy()
      listener.close()
      await once(listener, 'close')
    },
  }
}

function broken(error: unknown): Failure {
  return new Failure('connection_failed', 'broken', { cause: error })
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type, 'latin1')
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

test('WireReader gives every message whole, and copy data in pieces, however they arrive', async () => {
  const bodies = fc.array(
    fc.record({ type: fc.constantFrom('d', 'D', 'c', 'N'), length: fc.nat(3000), fill: fc.nat(255) }),
    { minLength: 1, maxLength: 20 },
  )
  const cuts = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(bodies, cuts, async (messages, lengths) => {
      await using ends = await pair()
      using reader = new WireReader(ends.connection)
      const all = Buffer.concat(messages.map(({ type, length, fill }) => message(type, Buffer.alloc(length, fill))))
      for (let at = 0, turn = 0; at < all.length; turn++) {
        const length = lengths[turn % lengths.length]!
        ends.server.write(all.subarray(at, at + length))
        at += length
      }
      for (const { type, length, fill } of messages) {
        const parts: Buffer[] = []
        for (let isLast = false; !isLast; ) {
          const piece = await reader.next()
          assert.equal(piece.type, type)
          assert.equal(piece.isFirst, parts.length === 0)
          parts.push(Buffer.from(piece.bytes))
          isLast = piece.isLast
        }
        assert.deepEqual(Buffer.concat(parts), Buffer.alloc(length, fill))
      }
    }),
    { numRuns: 30 },
  )
})

test('WireReader holds the server back while nobody reads, and tells of a connection that ends', async () => {
  await using ends = await pair()
  using reader = new WireReader(ends.connection)
  const block = message('d', Buffer.alloc(1024 * 1024))
  let written = 0
  const blocks = 64
  const writing = (async () => {
    for (; written < blocks; written++) if (!ends.server.write(block)) await once(ends.server, 'drain')
  })()
  while (!ends.connection.socket.isPaused()) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(written < blocks, 'the reader took everything in, though nobody asked for it')
  let bytes = 0
  while (bytes < blocks * 1024 * 1024) bytes += (await reader.next()).bytes.length
  await writing
  ends.server.end()
  await assert.rejects(reader.next(), { code: 'connection_failed' })
})
