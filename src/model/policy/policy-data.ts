import { type Environment, environments, type Policy, policyParts } from './policy.ts'

/**
 * As much of a policy as the rules ask for, read part by part: a fault in one of them hides none in another, so that a
 * writer hears of all at once. Whether a part is of the right shape, shapeFaults() says.
 */
export interface PolicyData {
  readonly environment: Environment | undefined
  /** Days and times only. */
  readonly schedule: Policy['schedule'] | undefined
  /** Milliseconds. */
  readonly recoveryPoint: number | undefined
  readonly state: string | undefined
  /** What the keys are in: the keyring first. */
  readonly keys: readonly WrittenPath[]
  /** Undefined where there is no map of them. */
  readonly locations: Readonly<Partial<Record<Environment, WrittenLocations>>> | undefined
  /** Undefined where there is no map of them. */
  readonly sources: Readonly<Record<string, WrittenSource>> | undefined
  readonly serviceNames: readonly string[]
}

/** A path and the setting that it is written in. */
export interface WrittenPath {
  readonly at: readonly (string | number)[]
  readonly path: string
}

/** The storages of an environment. Undefined where they can not be read. */
export interface WrittenLocations {
  readonly primary: string | undefined
  /** "N/A" where there is none. */
  readonly secondary: string | undefined
}

export interface WrittenSource {
  readonly paths: readonly WrittenPath[]
  readonly exclude: readonly string[]
  readonly url: string | undefined
  readonly services: readonly { readonly at: readonly (string | number)[]; readonly name: string }[]
}

/** What can be read of plain data. */
export function readPolicyData(data: unknown): PolicyData {
  const root = mapOf(data) ?? {}
  const [full, incremental] = ['full', 'incremental'].map((kind) => mapOf(mapOf(root['schedule'])?.[kind]))
  const objectives = mapOf(root['objectives'])
  const locations = mapOf(root['locations'])
  const sources = mapOf(root['sources'])
  return {
    environment: policyParts.environment.safeParse(root['environment']).data,
    schedule: policyParts.schedule.safeParse({
      full: part(full, 'day', 'time'),
      incremental: part(incremental, 'time'),
    }).data,
    recoveryPoint: policyParts.objectives.safeParse(part(objectives, 'recoveryPoint')).data?.recoveryPoint,
    state: textOf(root['state']),
    keys: readKeys(mapOf(mapOf(root['encryption'])?.['keyManagement'])),
    locations: locations === undefined ? undefined : readLocations(locations),
    sources: sources === undefined ? undefined : mapValues(sources, readSource),
    serviceNames: Object.keys(mapOf(root['services']) ?? {}),
  }
}

function readLocations(data: PlainMap): Partial<Record<Environment, WrittenLocations>> {
  const entries = environments.flatMap((environment) => {
    const one = mapOf(data[environment])
    if (one === undefined) return []
    const isNone = one['secondary'] === undefined || one['secondary'] === 'N/A'
    const primary = textOf(mapOf(one['primary'])?.['storage'])
    const secondary = isNone ? 'N/A' : textOf(mapOf(one['secondary'])?.['storage'])
    return [[environment, { primary, secondary }] as const]
  })
  return Object.fromEntries(entries)
}

function readKeys(data: PlainMap | undefined): WrittenPath[] {
  const above = ['encryption', 'keyManagement']
  const unlock = mapOf(data?.['unlock'])
  const passphrase = textOf(unlock?.['passphrase'])
  const file = passphrase?.startsWith('file:') === true ? passphrase.slice('file:'.length) : undefined
  return [
    ...writtenPath([...above, 'keyring'], data?.['keyring']),
    ...writtenPath([...above, 'unlock', 'keyFile'], unlock?.['keyFile']),
    ...writtenPath([...above, 'unlock', 'passphrase'], file),
  ]
}

function readSource(name: string, value: unknown): WrittenSource {
  const source = mapOf(value) ?? {}
  const above = ['sources', name]
  const paths = listOf(source['paths']).flatMap((path, at) => writtenPath([...above, 'paths', at], path))
  return {
    paths: [...paths, ...writtenPath([...above, 'path'], source['path'])],
    exclude: listOf(source['exclude']).filter((pattern) => typeof pattern === 'string'),
    url: textOf(source['url']),
    services: listOf(source['services']).flatMap((service, at) =>
      typeof service === 'string' ? [{ at: [...above, 'services', at], name: service }] : [],
    ),
  }
}

type PlainMap = Readonly<Record<string, unknown>>

function writtenPath(at: readonly (string | number)[], value: unknown): WrittenPath[] {
  const path = textOf(value)
  return path === undefined ? [] : [{ at, path }]
}

/** The named settings of a map that are there. */
function part(map: PlainMap | undefined, ...names: readonly string[]): PlainMap {
  return Object.fromEntries(names.flatMap((name) => (map?.[name] === undefined ? [] : [[name, map[name]]])))
}

function mapValues<Value>(map: PlainMap, read: (name: string, value: unknown) => Value): Record<string, Value> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, read(name, value)]))
}

function mapOf(value: unknown): PlainMap | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as PlainMap) : undefined
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
