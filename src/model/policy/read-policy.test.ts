import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { stringify } from 'yaml'
import { samplePolicyPath, samplePolicyText } from '../../../testing/sample-policy.ts'
import { environments, type PolicyFile, weekdays } from './policy.ts'
import { PolicyFailure } from './policy-fault.ts'
import { readPolicy, readRecordedPolicy } from './read-policy.ts'

const dayMs = 86_400_000

/** Every fault of a text as a line without the file's name. */
function faults(text: string): string[] {
  try {
    readPolicy(text, samplePolicyPath)
    return []
  } catch (error) {
    assert.ok(error instanceof PolicyFailure, String(error))
    assert.equal(error.code, 'policy_invalid')
    const [head, ...lines] = error.message.split('\n')
    const count = `${lines.length} ${lines.length === 1 ? 'fault' : 'faults'}`
    assert.equal(head, `Cannot use policy "${samplePolicyPath}": it has ${count}`)
    return lines.map((line) => line.slice(`  ${samplePolicyPath}:`.length))
  }
}

/** The sample with one part of it changed. */
function changed(part: string | RegExp, by: string): string {
  const text = samplePolicyText.replace(part, by)
  assert.notEqual(text, samplePolicyText, String(part))
  return text
}

test('readPolicy() fills in what the policy document says', () => {
  const { policy, text } = readPolicy(samplePolicyText, samplePolicyPath)
  assert.equal(text, samplePolicyText)
  assert.deepEqual(policy.schedule, {
    full: { frequency: 'weekly', day: 'sunday', time: '02:00', retention: { copies: 4, age: 28 * dayMs } },
    incremental: { frequency: 'daily', time: '02:00', retention: { copies: 7, age: 7 * dayMs } },
    snapshots: { postgresql: 'daily', sqlite: 'pre-operation', retention: { copies: 3, age: 7 * dayMs } },
  })
  assert.deepEqual(policy.objectives, { recoveryTime: 4 * 3_600_000, recoveryPoint: dayMs })
  assert.deepEqual(policy.testing, { restoreTest: 'monthly', recoveryDrill: 'annually' })
  assert.equal(policy.encryption.algorithm, 'AES-256')
  assert.equal(policy.encryption.keyRotation, 'annually')
  assert.deepEqual(policy.locations.production?.secondary, { storage: '/mnt/off-site', encrypted: true })
})

test('readPolicy() gives equal policies an equal digest, whatever their form', () => {
  const { digest } = readPolicy(samplePolicyText, samplePolicyPath)
  assert.match(digest, /^[0-9a-f]{64}$/)
  const said = changed('services:', 'schedule: { full: { time: "02:00", day: sunday } } # as it is anyway\nservices:')
  assert.equal(readPolicy(said, samplePolicyPath).digest, digest)
  assert.notEqual(readPolicy(changed('/srv/orders.db', '/srv/other.db'), samplePolicyPath).digest, digest)
})

const oneOfAll =
  'expected one of version, environment, schedule, locations, encryption, objectives, testing, responsibilities, confirm, services, sources, state'
const duration = 'expected a length of time such as "4 hours", "7 days", "4 weeks"'
const timeOfDay = 'expected a time of day in quotes, UTC, such as "02:00"'

/** Each kind of bad policy, and everything that is told about it. */
const bad: readonly { readonly kind: string; readonly text: string; readonly faults: readonly string[] }[] = [
  {
    kind: 'empty',
    text: '# nothing yet\n',
    faults: ['1:1: found an empty file, expected a policy (`zakops-backup init` writes one)'],
  },
  { kind: 'no map', text: '- version: 1\n', faults: ['1:1: found a list, expected a map of settings'] },
  {
    kind: 'everything missing',
    text: 'environment: production\n',
    faults: [
      '1:1: version: found nothing, expected 1',
      '1:1: locations: found nothing, expected a map of names and settings',
      '1:1: encryption: found nothing, expected a map of settings',
      '1:1: responsibilities: found nothing, expected a map of settings',
      '1:1: sources: found nothing, expected a map of names and settings',
      '1:1: state: found nothing, expected a path, absolute or relative to the folder of this file ("~" is not expanded)',
    ],
  },
  { kind: 'version', text: changed('version: 1', 'version: 2'), faults: ['1:10: version: found 2, expected 1'] },
  {
    kind: 'environment',
    text: changed('environment: production', 'environment: prodution'),
    faults: [
      '2:14: environment: found "prodution", expected one of "production", "staging", "development" (did you mean "production"?)',
    ],
  },
  {
    kind: 'unknown setting',
    text: changed('responsibilities:', 'responsibilites:'),
    faults: [
      '1:1: responsibilities: found nothing, expected a map of settings',
      `11:1: responsibilites: found a setting that does not exist, ${oneOfAll} (did you mean "responsibilities"?)`,
    ],
  },
  {
    kind: 'a name twice',
    text: changed('  main:', '  orders:'),
    faults: ['17:3: found "orders" for the second time, expected each name once'],
  },
  {
    kind: 'a name twice, in quotes',
    text: changed('  orders:', '  "main":'),
    faults: ['17:3: found "main" for the second time, expected each name once'],
  },
  {
    kind: 'tab',
    text: changed('  production:', '\tproduction:'),
    faults: ['4:1: found a tab, expected blanks for indentation'],
  },
  {
    kind: 'unclosed bracket',
    text: changed('[/srv/documents]', '[/srv/documents'),
    faults: [
      '15:69: found indentation that fits to nothing above, expected the indentation of its neighbours, or a closing bracket before',
      '16:3: found indentation that fits to nothing above, expected the indentation of its neighbours, or a closing bracket before',
    ],
  },
  {
    kind: 'tag',
    text: changed('/srv/backup', '!!binary aGVsbG8='),
    faults: ['5:25: found a tag, expected a plain value'],
  },
  {
    kind: 'second document',
    text: `${samplePolicyText}---\nversion: 1\n`,
    faults: ['19:1: found a second document, expected one document'],
  },
  {
    kind: 'alias of nothing',
    text: changed('/srv/backup', '*place'),
    faults: ['5:25: found an alias that nothing has, expected the name of an anchor above it'],
  },
  {
    kind: 'alias as a name',
    text: changed('documents:', '&d documents:').replace('services:\n', 'services:\n  *d : 1\n'),
    faults: ['13:3: found a name that is no text, expected a name'],
  },
  {
    kind: 'too many aliases',
    text: changed('services:', `x: &x 1\ny: [${'*x, '.repeat(101)}]\nservices:`),
    faults: ['13:405: found 101 aliases, expected at most 100'],
  },
  {
    kind: 'aliases that multiply',
    text: [
      'a: &a [x,x,x,x,x,x,x,x]',
      ...'bcdefg'.split('').map((name, at) => {
        const before = `*${'abcdef'[at]!}`
        return `${name}: &${name} [${Array.from({ length: 8 }, () => before).join(',')}]`
      }),
    ].join('\n'),
    faults: ['1:1: found aliases that stand for each other, expected plain values'],
  },
  {
    kind: 'nested too deep',
    text: '['.repeat(20_000),
    faults: ['1:1: found nesting too deep to be read, expected a few levels'],
  },
  {
    kind: 'too long',
    text: `# ${'x'.repeat(300_000)}\n`,
    faults: ['1:1: found 300003 characters, expected at most 131072'],
  },
  {
    kind: 'production without off-site',
    text: changed('    secondary: { storage: /mnt/off-site }\n', ''),
    faults: [
      '4:3: locations.production.secondary: found no second location, expected an off-site location, since production must have a second copy (write `storage:` with a folder of another machine or site)',
    ],
  },
  {
    kind: 'production with off-site N/A',
    text: changed('{ storage: /mnt/off-site }', 'N/A'),
    faults: [
      '6:16: locations.production.secondary: found no second location, expected an off-site location, since production must have a second copy (write `storage:` with a folder of another machine or site)',
    ],
  },
  {
    kind: 'locations of another environment only',
    text: changed('environment: production', 'environment: staging'),
    faults: ['3:1: locations.staging: found nothing, expected the locations of "staging", which this file is for'],
  },
  {
    kind: 'not encrypted',
    text: changed('{ storage: /srv/backup }', '{ storage: /srv/backup, encrypted: false }'),
    faults: [
      '5:49: locations.production.primary.encrypted: found false, expected true (everything that is stored is encrypted)',
    ],
  },
  {
    kind: 'secondary inside primary',
    text: changed('/mnt/off-site', '/srv/backup/second'),
    faults: [
      '6:27: locations.production.secondary.storage: found "/srv/backup/second", which lies inside the primary location, expected another place, so that one loss does not take both copies',
    ],
  },
  {
    kind: 'secondary is primary',
    text: changed('/mnt/off-site', '/srv/../srv/backup/'),
    faults: [
      '6:27: locations.production.secondary.storage: found "/srv/../srv/backup/", which is the primary location, expected another place, so that one loss does not take both copies',
    ],
  },
  {
    kind: 'keyring in a location',
    text: changed('keys/keyring.json', '/srv/backup/keys/keyring.json'),
    faults: [
      '9:14: encryption.keyManagement.keyring: found "/srv/backup/keys/keyring.json", which lies inside locations.production.primary, expected a place apart from every backup',
    ],
  },
  {
    kind: 'location in the folder of the keyring',
    text: changed('keys/keyring.json', '/mnt/keyring.json'),
    faults: [
      '9:14: encryption.keyManagement.keyring: found "/mnt/keyring.json", whose folder holds locations.production.secondary, expected a folder of its own, apart from every backup',
    ],
  },
  {
    kind: 'key file in a location, state in a location',
    text: changed('keys/zakops-backup.key', '/mnt/off-site/key').replace('/var/lib/zakops-backup', '/srv/backup/state'),
    faults: [
      '10:24: encryption.keyManagement.unlock.keyFile: found "/mnt/off-site/key", which lies inside locations.production.secondary, expected a place apart from every backup',
      '18:8: state: found "/srv/backup/state", which lies inside locations.production.primary, expected a folder outside of the backups',
    ],
  },
  {
    kind: 'source that holds locations, keys and state',
    text: changed('[/srv/documents]', '[/]'),
    faults: [
      '15:37: sources.documents.paths[0]: found "/", which holds locations.production.primary, expected paths without the backups, which would back up themselves (or leave it out: exclude: ["/srv/backup"])',
      '15:37: sources.documents.paths[0]: found "/", which holds locations.production.secondary, expected paths without the backups, which would back up themselves (or leave it out: exclude: ["/mnt/off-site"])',
      '15:37: sources.documents.paths[0]: found "/", which holds encryption.keyManagement.keyring, expected paths without the keys, which must not lie in the backups that they open (or leave it out: exclude: ["/etc/zakops-backup/keys/keyring.json"])',
      '15:37: sources.documents.paths[0]: found "/", which holds encryption.keyManagement.unlock.keyFile, expected paths without the keys, which must not lie in the backups that they open (or leave it out: exclude: ["/etc/zakops-backup/keys/zakops-backup.key"])',
      '15:37: sources.documents.paths[0]: found "/", which holds state, expected paths without the state, which changes with every backup (or leave it out: exclude: ["/var/lib/zakops-backup"])',
    ],
  },
  {
    kind: 'source in a location',
    text: changed('/srv/orders.db', '/srv/backup/orders.db'),
    faults: [
      '16:33: sources.orders.path: found "/srv/backup/orders.db", which lies inside locations.production.primary, expected a source outside of the backups',
    ],
  },
  {
    kind: 'inline passphrase',
    text: changed('{ keyFile: keys/zakops-backup.key }', '{ passphrase: hunter2 }'),
    faults: [
      '10:27: encryption.keyManagement.unlock.passphrase: found a value that is not shown, expected a reference to a secret, "env:NAME" or "file:PATH", never the secret itself',
    ],
  },
  {
    kind: 'both passphrase and key file',
    text: changed('{ keyFile: keys/zakops-backup.key }', '{ passphrase: "env:PASS", keyFile: k }'),
    faults: [
      '10:13: encryption.keyManagement.unlock: found a map, expected either `passphrase: env:NAME` (or `file:PATH`) or `keyFile: PATH`',
    ],
  },
  {
    kind: 'password in a URL',
    text: changed('backup@localhost', 'backup:hunter2@localhost'),
    faults: [
      '17:34: sources.main.url: found a URL with a password in it, expected a URL without one (set `password: env:NAME` or `password: file:PATH` beside it; an "@" that belongs to a name is written %40)',
    ],
  },
  {
    kind: 'secrets in broken settings',
    text: changed('"postgresql://backup@localhost:5432/postgres"', 'postgres//u:hunter2@h, password: hunter2'),
    faults: [
      '17:34: sources.main.url: found a value that is not shown, expected a connection URL such as "postgresql://backup@localhost:5432/postgres"',
      '17:67: sources.main.password: found a value that is not shown, expected a reference to a secret, "env:NAME" or "file:PATH", never the secret itself',
    ],
  },
  {
    kind: 'kind of source',
    text: changed('kind: sqlite', 'kind: sqllite'),
    faults: [
      '16:19: sources.orders.kind: found "sqllite", expected "files", "sqlite" or "postgresql" (did you mean "sqlite"?)',
    ],
  },
  {
    kind: 'a question without an answer',
    text: changed('orders.db }', 'orders.db, validations: [{ sql: select 1 }] }'),
    faults: [
      '16:63: sources.orders.validations[0]: found a map, expected `expect`, `atLeast` or `atMost` beside `sql`',
    ],
  },
  {
    kind: 'a question with two answers',
    text: changed('orders.db }', 'orders.db, validations: [{ sql: select 1, expect: "1", atLeast: 1 }] }'),
    faults: ['16:88: sources.orders.validations[0].expect: found "1", expected nothing beside `atLeast` or `atMost`'],
  },
  {
    kind: 'a range without anything in it',
    text: changed('orders.db }', 'orders.db, validations: [{ sql: select 1, atLeast: 2, atMost: 1 }] }'),
    faults: [
      '16:100: sources.orders.validations[0].atMost: found 1, expected a number of at least 2, which is `atLeast`',
    ],
  },
  {
    kind: 'a bound in quotes',
    text: changed('orders.db }', 'orders.db, validations: [{ sql: select 1, atLeast: "2" }] }'),
    faults: ['16:89: sources.orders.validations[0].atLeast: found "2", expected a number (without quotes)'],
  },
  {
    kind: 'a misspelt bound',
    text: changed('orders.db }', 'orders.db, validations: [{ sql: select 1, atleast: 2 }] }'),
    faults: [
      '16:63: sources.orders.validations[0]: found a map, expected `expect`, `atLeast` or `atMost` beside `sql`',
      '16:80: sources.orders.validations[0].atleast: found a setting that does not exist, expected one of sql, expect, atLeast, atMost (did you mean "atLeast"?)',
    ],
  },
  {
    kind: 'an assertion without an answer',
    text: changed('orders.db }', 'orders.db, assertions: [{ name: rows, sql: select 1 }] }'),
    faults: ['16:62: sources.orders.assertions[0]: found a map, expected `expect`, `atLeast` or `atMost` beside `sql`'],
  },
  {
    kind: 'service that does not exist',
    text: changed('services: [web]', 'services: [wed]'),
    faults: ['15:65: sources.documents.services[0]: found "wed", expected one of web (did you mean "web"?)'],
  },
  {
    kind: 'name of a source',
    text: changed('  orders:', '  Order Book:'),
    faults: [
      '16:3: sources."Order Book": found "Order Book", expected a name of small letters, digits, "-" and "_", at most 63, such as "documents" (did you mean "order-book"?)',
    ],
  },
  {
    kind: 'names and values that would move a terminal',
    text: changed('environment: production', 'environment: "\\e[2J\\x9b"\n"a\\nb\\u202e": 1'),
    faults: [
      String.raw`2:14: environment: found "\u001b[2J\u009b", expected one of "production", "staging", "development"`,
      String.raw`3:1: "a\nb\u202e": found a setting that does not exist, ${oneOfAll}`,
    ],
  },
  {
    kind: 'no sources',
    text: changed(/sources:[^]*(?=state:)/, 'sources: {}\n'),
    faults: [
      '14:10: sources: found an empty map, expected at least one source (such as `documents: { kind: files, paths: [/srv/documents] }`)',
    ],
  },
  {
    kind: 'paths',
    text: changed('[/srv/documents]', '/srv/documents').replace('/srv/orders.db', '~/orders.db'),
    faults: [
      '15:36: sources.documents.paths: found "/srv/documents", expected a list (write it as a list: [ … ])',
      '16:33: sources.orders.path: found "~/orders.db", expected a path, absolute or relative to the folder of this file ("~" is not expanded)',
    ],
  },
  {
    kind: 'nobody answers',
    text: changed('dba: [ben], security: [cem]', 'dba: [], security: [7]'),
    faults: [
      '11:41: responsibilities.dba: found an empty list, expected at least one entry',
      '11:56: responsibilities.security[0]: found 7, expected text (put it in quotes)',
    ],
  },
  {
    kind: 'numbers, times and lengths',
    text: changed(
      'services:\n',
      'schedule:\n  full: { time: 2:00, day: Sundays, retention: { copies: 0, age: 28 } }\n  incremental: { retention: { copies: "7", age: 1 month } }\nobjectives: { recoveryTime: 4 hrs }\nservices:\n',
    ),
    faults: [
      `13:17: schedule.full.time: found "2:00", ${timeOfDay} (did you mean "02:00"?)`,
      '13:28: schedule.full.day: found "Sundays", expected one of "sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday" (did you mean "sunday"?)',
      '13:58: schedule.full.retention.copies: found 0, expected a whole number of at least 1',
      `13:66: schedule.full.retention.age: found 28, ${duration} (write a unit: "28 days")`,
      '14:39: schedule.incremental.retention.copies: found "7", expected a whole number (without quotes)',
      `14:49: schedule.incremental.retention.age: found "1 month", ${duration} (months differ in length: count weeks or days)`,
      `15:29: objectives.recoveryTime: found "4 hrs", ${duration} (did you mean "4 hours"?)`,
    ],
  },
  {
    kind: 'RPO that no schedule keeps',
    text: changed('services:\n', 'objectives: { recoveryPoint: 12 hours }\nservices:\n'),
    faults: [
      '12:30: objectives.recoveryPoint: found 12 hours, expected at least 24 hours, since so long is it from the incremental of Saturday 02:00 to the full of Sunday 02:00',
    ],
  },
  {
    kind: 'RPO that a late full breaks',
    text: changed('services:\n', 'schedule: { full: { time: "04:30" } }\nservices:\n').replace(
      'state:',
      'objectives: {}\nstate:',
    ),
    faults: [
      '19:1: objectives.recoveryPoint: found 24 hours, expected at least 26 hours 30 minutes, since so long is it from the incremental of Saturday 02:00 to the full of Sunday 04:30',
    ],
  },
]

for (const { kind, text, faults: wanted } of bad) {
  test(`readPolicy() tells of a bad policy: ${kind}`, () => {
    assert.deepEqual(faults(text), wanted)
    assert.ok(!faults(text).some((line) => line.includes('hunter2')))
  })
}

test('readPolicy() tells of faults in shape, rules and places at once, in the order of the text', () => {
  const text = changed('environment: production', 'environment: prod')
    .replace('keys/keyring.json', '/srv/backup/k')
    .replace('services: [web]', 'services: [gone], bogus: 1')
    .replace('/mnt/off-site', '/srv/backup')
    .replace('state: /var/lib/zakops-backup', 'state: 7')
  const lines = faults(text).map((line) => line.split(': found')[0])
  assert.deepEqual(lines, [
    '2:14: environment',
    '6:27: locations.production.secondary.storage',
    '15:65: sources.documents.services[0]',
    '15:72: sources.documents.bogus',
    '18:8: state',
  ])
})

test('readPolicy() takes a source that leaves the backups, the keys and the state out', () => {
  const paths = '/srv/backup, /mnt/off-site, /etc/zakops-backup, /var/lib/zakops-backup'
  assert.deepEqual(faults(changed('paths: [/srv/documents]', `paths: [/], exclude: [${paths}]`)), [])
  // A pattern that takes something back, or has a wildcard, proves nothing.
  assert.equal(faults(changed('paths: [/srv/documents]', `paths: [/], exclude: [${paths}, "!x"]`)).length, 5)
  assert.equal(faults(changed('paths: [/srv/documents]', 'paths: [/srv], exclude: ["/srv/back*"]')).length, 1)
  // With a slash at its end it means folders only.
  assert.equal(faults(changed('paths: [/srv/documents]', 'paths: [/srv], exclude: [/srv/backup/]')).length, 1)
})

test('readPolicy() starts relative paths from the folder of the policy', () => {
  assert.equal(faults(changed('/srv/documents', '.')).length, 2)
  assert.equal(faults(changed('/srv/documents', '../../srv')).length, 1)
})

test('readRecordedPolicy() asks for the shape only, so that a policy that was moved still reads', () => {
  const moved = changed('/srv/documents', 'documents').replace('/srv/backup', '/home/documents/backup')
  assert.equal(readPolicy(moved, samplePolicyPath).policy.environment, 'production')
  assert.throws(() => readPolicy(moved, '/home/policy.yaml'), PolicyFailure)
  assert.deepEqual(readRecordedPolicy(moved, '/home/policy.yaml'), readPolicy(moved, samplePolicyPath).policy)
  for (const text of [changed('version: 1', 'version: 2'), 'a: [', '']) {
    assert.throws(() => readRecordedPolicy(text, samplePolicyPath), PolicyFailure)
  }
})

test('readPolicy() reads back what any policy says, and never throws anything but a PolicyFailure', () => {
  const name = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,10}$/)
  const words = fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 3 })
  const age = fc
    .tuple(fc.integer({ min: 1, max: 999 }), fc.constantFrom('hours', 'd', 'weeks'))
    .map((part) => part.join(' '))
  const retention = fc.record({ copies: fc.integer({ min: 1, max: 99 }), age })
  const policy: fc.Arbitrary<PolicyFile> = fc.record({
    version: fc.constant(1 as const),
    environment: fc.constantFrom(...environments),
    schedule: fc.record({ full: fc.record({ day: fc.constantFrom(...weekdays), retention }) }),
    locations: fc.record(
      Object.fromEntries(
        environments.map((one) => [one, fc.constant({ primary: { storage: '/b/1' }, secondary: { storage: '/b/2' } })]),
      ),
    ),
    encryption: fc.constant({ keyManagement: { keyring: '/k/keyring', unlock: { passphrase: 'env:P' } } }),
    responsibilities: fc.record({ devops: words, dba: words, security: words, management: words }),
    sources: fc.dictionary(
      name,
      fc.record({
        kind: fc.constant('files' as const),
        paths: fc.constant(['/srv']),
        exclude: fc.array(fc.string({ minLength: 1 }), { maxLength: 3 }),
      }),
      { minKeys: 1, maxKeys: 4 },
    ),
    state: fc.constant('/state'),
  })
  fc.assert(
    fc.property(policy, (written) => {
      const read = readPolicy(stringify(written), samplePolicyPath).policy
      assert.deepEqual(Object.keys(read.sources), Object.keys(written.sources))
      for (const [one, source] of Object.entries(written.sources))
        assert.partialDeepStrictEqual(read.sources[one], source)
      assert.deepEqual(read.responsibilities, { ...written.responsibilities })
      assert.equal(read.schedule.full.day, written.schedule!.full!.day)
    }),
    { numRuns: 50 },
  )
  // Any damage to a text is a fault with a place in that text, or none.
  const damage = fc.tuple(fc.nat(samplePolicyText.length), fc.nat(20), fc.string({ maxLength: 8, unit: 'binary' }))
  fc.assert(
    fc.property(damage, ([at, length, put]) => {
      const text = samplePolicyText.slice(0, at) + put + samplePolicyText.slice(at + length)
      const lineCount = text.split('\n').length
      for (const line of faults(text)) assert.ok(Number(line.split(':', 1)[0]) <= lineCount, line)
    }),
    { numRuns: 150 },
  )
})
