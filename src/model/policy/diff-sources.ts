import { isDeepStrictEqual } from 'node:util'
import { liesIn } from './storage-place.ts'
import { diffAssertions, diffValidations } from './diff-questions.ts'
import { formatDuration } from './duration.ts'
import type { PolicyChange } from './policy-change.ts'
import type { FilesSourcePolicy, Policy, PostgresqlSourcePolicy, SourcePolicy } from './policy.ts'

type Sources = Policy['sources']

/** In what the sources of a policy differ from those of the one before it. */
export function diffSources(before: Sources, after: Sources): PolicyChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names.flatMap((name) => diffSource(name, before[name], after[name]))
}

function diffSource(name: string, before: SourcePolicy | undefined, after: SourcePolicy | undefined): PolicyChange[] {
  const setting = `sources.${name}`
  if (before === undefined && after !== undefined) {
    return [{ setting, text: `source ${name} is new (${after.kind})`, weakens: false }]
  }
  if (before === undefined || after === undefined) {
    return [{ setting, text: `source ${name} is no longer backed up`, weakens: true }]
  }
  const services: PolicyChange[] = isDeepStrictEqual(before.services, after.services)
    ? []
    : [{ setting: `${setting}.services`, text: `source ${name}: other services depend on it`, weakens: false }]
  return [
    ...diffOfKind(name, before, after),
    ...services,
    ...diffValidations({ above: setting, name }, before.validations, after.validations),
  ]
}

function diffOfKind(name: string, before: SourcePolicy, after: SourcePolicy): PolicyChange[] {
  if (before.kind === 'files' && after.kind === 'files') return diffFiles(name, before, after)
  if (before.kind === 'postgresql' && after.kind === 'postgresql') return diffPostgresql(name, before, after)
  if (before.kind === 'sqlite' && after.kind === 'sqlite') {
    const above = `sources.${name}`
    const text = `source ${name}: ${after.path} is backed up, and ${before.path} no longer`
    const path = before.path === after.path ? [] : [{ setting: `${above}.path`, text, weakens: true }]
    return [...path, ...diffAssertions({ above, name }, before.assertions, after.assertions)]
  }
  const text = `source ${name}: it is ${after.kind}, before it was ${before.kind}, which is no longer backed up`
  return [{ setting: `sources.${name}.kind`, text, weakens: true }]
}

function diffFiles(name: string, before: FilesSourcePolicy, after: FilesSourcePolicy): PolicyChange[] {
  const above = `sources.${name}`
  const change = (setting: string, text: string, weakens: boolean): PolicyChange => {
    return { setting: `${above}.${setting}`, text: `source ${name}: ${text}`, weakens }
  }
  const changes: PolicyChange[] = []
  for (const path of without(before.paths, after.paths)) {
    const isCovered = after.paths.some((one) => liesIn({ adapter: 'local', path }, { adapter: 'local', path: one }))
    changes.push(
      change('paths', `${path} is ${isCovered ? 'backed up as part of a folder' : 'no longer backed up'}`, !isCovered),
    )
  }
  for (const path of without(after.paths, before.paths))
    changes.push(change('paths', `${path} is backed up too`, false))
  changes.push(
    ...diffExclude(before.exclude, after.exclude).map(({ text, weakens }) => change('exclude', text, weakens)),
  )
  if (before.excludeCaches !== after.excludeCaches) {
    changes.push(
      change('excludeCaches', `caches are ${after.excludeCaches ? 'left out' : 'backed up'}`, after.excludeCaches),
    )
  }
  if (before.oneFileSystem !== after.oneFileSystem) {
    const text = `other file systems below it are ${after.oneFileSystem ? 'left out' : 'backed up'}`
    changes.push(change('oneFileSystem', text, after.oneFileSystem))
  }
  return changes
}

/** A pattern with "!" takes back what others leave out; where there is one, the order of the patterns counts as well. */
function diffExclude(before: readonly string[], after: readonly string[]): { text: string; weakens: boolean }[] {
  const added = without(after, before).map((pattern) =>
    pattern.startsWith('!')
      ? { text: `what matches "${pattern.slice(1)}" is taken back in`, weakens: false }
      : { text: `what matches "${pattern}" is left out`, weakens: true },
  )
  const gone = without(before, after).map((pattern) =>
    pattern.startsWith('!')
      ? { text: `what matches "${pattern.slice(1)}" is no longer taken back in`, weakens: true }
      : { text: `what matches "${pattern}" is no longer left out`, weakens: false },
  )
  if (added.length + gone.length > 0 || isDeepStrictEqual(before, after)) return [...added, ...gone]
  const weakens = after.some((pattern) => pattern.startsWith('!'))
  return [{ text: 'what is left out is said in another order', weakens }]
}

function diffPostgresql(name: string, before: PostgresqlSourcePolicy, after: PostgresqlSourcePolicy): PolicyChange[] {
  const change = (setting: string, text: string, weakens: boolean): PolicyChange => {
    return { setting: `sources.${name}.${setting}`, text: `source ${name}: ${text}`, weakens }
  }
  const changes: PolicyChange[] = []
  if (before.url !== after.url) {
    const isOther = withoutUser(before.url) !== withoutUser(after.url)
    const text = isOther ? 'another server or database, and the old one no longer' : 'another user connects'
    changes.push(change('url', text, isOther))
  }
  if (before.password !== after.password) changes.push(change('password', 'its password is in another place', false))
  if (before.mode !== after.mode) {
    const text = after.mode === 'logical' ? 'dumps only, so no point-in-time recovery' : 'physical backups with the log'
    changes.push(change('mode', text, after.mode === 'logical'))
  }
  if (before.restoreUrl !== after.restoreUrl) {
    changes.push(change('restoreUrl', 'another role, server or database puts its dumps back', false))
  }
  if (before.dataDirectory !== after.dataDirectory) {
    const text =
      after.dataDirectory === undefined ? 'no data directory is named' : `${after.dataDirectory} is its data directory`
    changes.push(change('dataDirectory', `${text}, before it was ${before.dataDirectory ?? 'not named'}`, false))
  }
  changes.push(...walChanges(before.wal, after.wal, change))
  if (before.manifestTableBytesMax !== after.manifestTableBytesMax) {
    const [old, now] = [before.manifestTableBytesMax, after.manifestTableBytesMax]
    const text = `tables up to ${now} bytes are compared as a whole, before it was ${old}`
    changes.push(change('manifestTableBytesMax', text, now < old))
  }
  changes.push(...diffAssertions({ above: `sources.${name}`, name }, before.assertions, after.assertions))
  return changes
}

function walChanges(
  before: PostgresqlSourcePolicy['wal'],
  after: PostgresqlSourcePolicy['wal'],
  change: (setting: string, text: string, weakens: boolean) => PolicyChange,
): PolicyChange[] {
  const changes: PolicyChange[] = []
  if (before.receive !== after.receive) {
    const text = `the log is ${after.receive ? 'received as it is written' : 'no longer received by `serve`'}`
    changes.push(change('wal.receive', text, !after.receive))
  }
  if (before.slot !== after.slot) {
    const text = `the replication slot is "${after.slot}", and "${before.slot}" stays until it is dropped on the server`
    changes.push(change('wal.slot', text, false))
  }
  if (before.partialEvery !== after.partialEvery) {
    const text = `what was received is stored after ${formatDuration(after.partialEvery)}, before it was ${formatDuration(before.partialEvery)}`
    changes.push(change('wal.partialEvery', text, after.partialEvery > before.partialEvery))
  }
  if (before.lagLimit !== after.lagLimit) {
    const [old, now] = [before.lagLimit ?? Infinity, after.lagLimit ?? Infinity]
    const text =
      after.lagLimit === undefined
        ? 'the slot is never dropped'
        : `the slot is dropped when it keeps more than ${after.lagLimit} bytes`
    changes.push(change('wal.lagLimit', text, now < old))
  }
  return changes
}

/** What a connection URL says of server and database. */
function withoutUser(url: string): string {
  return url.replace(/^postgres(ql)?:\/\/([^/?@]*@)?/, '')
}

function without(list: readonly string[], others: readonly string[]): string[] {
  return list.filter((one) => !others.includes(one))
}
