import type { ClientConfig } from 'pg'
import { Failure } from '../../base/failure.ts'
import type { PostgresqlConnectionOptions } from './connection-options.ts'

export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

const sslModes: readonly string[] = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']
const connectTimeoutMsDefault = 30_000
/** A peer that is gone without a word is noticed by the system after this and some probes, ms. */
const keepAliveMs = 30_000

/** How TLS is asked for; libpq's default is `prefer`: with it where the server has it, else without. */
export function sslModeOf(url: string): SslMode {
  const mode = parameterOf(url, 'sslmode') ?? 'prefer'
  if (sslModes.includes(mode)) return mode as SslMode
  throw new Failure('usage', `Cannot use the connection URL: sslmode is "${mode}", expected ${sslModes.join(', ')}`)
}

/** What the driver is told. `encrypt` decides where the URL leaves it open. */
export function clientConfig(options: PostgresqlConnectionOptions, encrypt: boolean): ClientConfig {
  const mode = sslModeOf(options.url)
  const seconds = Number(parameterOf(options.url, 'connect_timeout') ?? 0)
  return {
    connectionString: withParameters(options.url, {
      sslmode: encrypt && mode === 'prefer' ? 'require' : encrypt ? mode : 'disable',
      uselibpqcompat: 'true', // `require` encrypts and verifies no name, as with libpq.
    }),
    application_name: parameterOf(options.url, 'application_name') ?? 'zakops-backup',
    connectionTimeoutMillis: seconds > 0 ? seconds * 1000 : (options.connectTimeoutMs ?? connectTimeoutMsDefault),
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveMs,
    // Every value as the server's text: what is compared must not pass through JavaScript's numbers and dates.
    types: { getTypeParser: () => (value: string | Buffer) => value },
  }
}

/** The URL with another database in place of its own. */
export function urlOfDatabase(url: string, database: string): string {
  const match = /^(postgres(?:ql)?:\/\/[^/?#]*)(\/[^?#]*)?(.*)$/s.exec(url)
  if (match === null) throw new Failure('usage', 'Cannot use the connection URL: expected "postgresql://…"')
  return `${match[1]}/${encodeURIComponent(database)}${match[3]}`
}

/** The database that a URL names; undefined where it names none. */
export function databaseOf(url: string): string | undefined {
  const name = /^[a-z]+:\/\/[^/?#]*\/([^?#]+)/.exec(url)?.[1]
  return name === undefined ? undefined : decodeURIComponent(name)
}

/** The URL for the command line of another program, where everybody can read it, and the password that it holds. */
export function splitPassword(url: string): { readonly url: string; readonly password: string | undefined } {
  const match = /^([a-z]+:\/\/[^:@/?#]*):([^@/?#]*)(@.*)$/s.exec(url)
  if (match === null) return { url, password: undefined }
  return { url: match[1]! + match[3]!, password: decodeURIComponent(match[2]!) }
}

/** Host, port and database for messages: never the password. */
export function describeServer(url: string): string {
  const host = parameterOf(url, 'host') ?? /^[a-z]+:\/\/(?:[^@/?#]*@)?([^/?#]*)/.exec(url)?.[1] ?? ''
  const port = parameterOf(url, 'port')
  const name = host === '' ? 'localhost' : host
  return port === undefined ? name : `${name}:${port}`
}

function parameterOf(url: string, name: string): string | undefined {
  const query = /\?([^#]*)/s.exec(url)?.[1]
  return query === undefined ? undefined : (new URLSearchParams(query).get(name) ?? undefined)
}

function withParameters(url: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const [, base = '', query = ''] = /^([^?#]*)(?:\?([^#]*))?/s.exec(url)!
  const all = new URLSearchParams(query)
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) all.delete(name)
    else all.set(name, value)
  }
  return `${base}?${all.toString().replaceAll('+', '%20')}`
}
