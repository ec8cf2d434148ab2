import assert from 'node:assert/strict'
import { createHash, hash } from 'node:crypto'
import { createServer, Socket } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { seededRandom } from '../../../testing/seeded-random.ts'
import { Failure } from '../../base/failure.ts'
import type { PostgresqlConnection } from './connection.ts'
import { SocketRing } from './socket-ring.ts'
import { WireReader } from './wire-reader.ts'

/** A connection whose server is told what to say. */
async function pair(
  kind: 'plain' | 'ring' = 'ring',
): Promise<{ connection: PostgresqlConnection; server: Socket } & AsyncDisposable> {
  const listener = createServer()
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address() as { port: number }
  const ring = kind === 'ring' ? new SocketRing() : undefined
  const socket = (ring?.socket ?? new Socket()).connect(address.port, '127.0.0.1')
  const [server] = (await once(listener, 'connection')) as [Socket]
  server.on('error', () => {}) // The other end hangs up.
  const connection = {
    ring,
    socket,
    server: 'test',
    failure: broken,
    watch: async () => {},
  } as unknown as PostgresqlConnection
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
    fc.asyncProperty(bodies, cuts, fc.constantFrom('plain', 'ring'), async (messages, lengths, kind) => {
      await using ends = await pair(kind)
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
    { numRuns: 60 },
  )
})

for (const kind of ['plain', 'ring'] as const) {
  test(`WireReader holds the server back while nobody reads, and tells of a connection that ends, ${kind}`, async () => {
    await using ends = await pair(kind)
    using reader = new WireReader(ends.connection)
    const blocks = 64
    const block = seededRandom('block').bytes(1024 * 1024)
    let written = 0
    const heldBack = Promise.withResolvers<void>()
    const writing = (async () => {
      for (; written < blocks; written++) {
        if (ends.server.write(message('d', block))) continue
        heldBack.resolve()
        await once(ends.server, 'drain')
      }
    })()
    await heldBack.promise
    for (let turn = 0; turn < 1000; turn++) await new Promise((resolve) => setImmediate(resolve))
    assert.ok(written < blocks, 'the reader took everything in, though nobody asked for it')
    for (let count = 0; count < blocks; count++) {
      const digest = createHash('sha256')
      for (let isLast = false; !isLast; ) {
        const piece = await reader.next()
        digest.update(piece.bytes)
        isLast = piece.isLast
      }
      assert.equal(digest.digest('hex'), hash('sha256', block))
    }
    await writing
    ends.server.end()
    await assert.rejects(reader.next(), { code: 'connection_failed' })
  })
}
