import { longestBackupGap } from './backup-gap.ts'
import { quotedText } from './found-value.ts'
import { hasInlineSecret } from './inline-secret.ts'
import { nearestWord } from './nearest-word.ts'
import type { PolicyData } from './policy-data.ts'
import { faultsMax, type UnplacedFault } from './policy-fault.ts'

/** More names than these are no help in a message. */
const namesShownMax = 20

/** What is wrong in a policy beyond its shape, but for where its places lie: placeFaults(). */
export function ruleFaults(data: PolicyData): UnplacedFault[] {
  return [...locationFaults(data), ...sourceFaults(data), ...objectiveFaults(data)]
}

function locationFaults({ environment, locations }: PolicyData): UnplacedFault[] {
  if (locations === undefined) return []
  const faults: UnplacedFault[] = []
  if (environment !== undefined && locations[environment] === undefined) {
    const at = ['locations', environment]
    faults.push({
      at,
      point: 'value',
      found: 'nothing',
      wanted: `the locations of "${environment}", which this file is for`,
    })
  }
  if (locations.production?.secondary === 'N/A') {
    const wanted = 'an off-site location, since production must have a second copy'
    const hint = 'write `storage:` with a folder of another machine or site'
    faults.push({
      at: ['locations', 'production', 'secondary'],
      point: 'value',
      found: 'no second location',
      wanted,
      hint,
    })
  }
  for (const [name, { primary, secondary }] of Object.entries(locations)) {
    for (const [side, location] of Object.entries({ primary, secondary })) {
      if (location === undefined || !hasInlineSecret(location)) continue
      const at = ['locations', name, side, 'storage']
      faults.push({ at, point: 'value', found: 'a place with a secret in it', wanted: 'a place without one' })
    }
  }
  return faults
}

function sourceFaults({ sources, serviceNames }: PolicyData): UnplacedFault[] {
  if (sources === undefined) return []
  const faults: UnplacedFault[] = []
  if (Object.keys(sources).length === 0) {
    const hint = 'such as `documents: { kind: files, paths: [/srv/documents] }`'
    faults.push({ at: ['sources'], point: 'value', found: 'an empty map', wanted: 'at least one source', hint })
  }
  const known = new Set(serviceNames)
  for (const [name, { services, url }] of Object.entries(sources)) {
    for (const { at, name: service } of services) {
      if (faults.length >= faultsMax) return faults
      if (!known.has(service)) faults.push(unknownService(at, service, serviceNames))
    }
    if (url !== undefined && hasInlineSecret(url)) {
      faults.push({
        at: ['sources', name, 'url'],
        point: 'value',
        found: 'a URL with a password in it',
        wanted: 'a URL without one',
        hint: 'set `password: env:NAME` or `password: file:PATH` beside it; an "@" that belongs to a name is written %40',
      })
    }
  }
  return faults
}

function unknownService(at: readonly (string | number)[], name: string, names: readonly string[]): UnplacedFault {
  const near = nearestWord(name, names)
  return {
    at,
    point: 'value',
    found: quotedText(name),
    wanted:
      names.length === 0 || names.length > namesShownMax
        ? 'a service that stands under services'
        : `one of ${names.join(', ')}`,
    hint: near === undefined ? undefined : `did you mean "${near}"?`,
  }
}

function objectiveFaults({ schedule, recoveryPoint }: PolicyData): UnplacedFault[] {
  if (schedule === undefined || recoveryPoint === undefined) return []
  const gap = longestBackupGap(schedule)
  if (recoveryPoint >= gap.ms) return []
  return [
    {
      at: ['objectives', 'recoveryPoint'],
      point: 'value',
      found: hoursText(recoveryPoint),
      wanted: `at least ${hoursText(gap.ms)}, since so long is it from ${gap.from} to ${gap.to}`,
    },
  ]
}

function hoursText(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  const rest = minutes % 60 === 0 ? '' : ` ${minutes % 60} minutes`
  return `${Math.floor(minutes / 60)} hours${rest}`
}
