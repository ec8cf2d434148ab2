/**
 * A small application on a PostgreSQL database: GET / answers how many orders there are.
 *
 *   node postgresql-application.ts PORT URL
 */
import { createServer, type ServerResponse } from 'node:http'
import { queryServer } from './query-server.ts'

const [port, url] = process.argv.slice(2) as [string, string]

async function answer(response: ServerResponse): Promise<void> {
  try {
    const count = Number(await queryServer(url, 'select count(*) from orders'))
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ orders: { count } }))
  } catch (error) {
    response.writeHead(503).end(String(error))
  }
}

createServer((_request, response) => void answer(response)).listen(Number(port), '127.0.0.1')
