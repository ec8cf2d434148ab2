import assert from 'node:assert/strict'
import { test } from 'node:test'
import { samplePolicyPath, samplePolicyText } from '../../../testing/sample-policy.ts'
import { isFailure } from '../../base/failure.ts'
import { diffPolicies } from './diff-policies.ts'
import type { Policy } from './policy.ts'
import { readPolicy } from './read-policy.ts'
import { requireNotWeaker } from './require-not-weaker.ts'

const extras = `schedule: { full: { retention: { copies: 4, age: 4 weeks } } }
objectives: { recoveryTime: 4 hours, recoveryPoint: 30 hours }
`

/** The sample with parts of it put in place of others. */
function policyWith(...changes: readonly (readonly [part: string, by: string])[]): Policy {
  let text = samplePolicyText + extras
  for (const [part, by] of changes) {
    assert.ok(text.includes(part), part)
    text = text.replace(part, by)
  }
  return readPolicy(text, samplePolicyPath).policy
}

const files = '{ kind: files, paths: [/srv/documents], services: [web] }'
const sqlite = '{ kind: sqlite, path: /srv/orders.db }'
const asserting = (expected: string): string =>
  sqlite.replace(' }', `, assertions: [{ name: rows, sql: select 1, ${expected} }] }`)
const postgresql = '{ kind: postgresql, url: "postgresql://backup@localhost:5432/postgres" }'
const url = '"postgresql://backup@localhost:5432/postgres"'

/**
 * One way to write a policy, another, and what is told of the step from the first to the second and back; "!" marks what
 * weakens.
 */
const table: readonly { from?: [string, string]; to: [string, string]; there: string[]; back: string[] }[] = [
  {
    to: ['copies: 4', 'copies: 2'],
    there: ['!full backups: the last 2 stay, before it was the last 4'],
    back: ['full backups: the last 4 stay, before it was the last 2'],
  },
  {
    to: ['age: 4 weeks', 'age: 20 days'],
    there: ['!full backups: they stay for 20 days, before it was 4 weeks'],
    back: ['full backups: they stay for 4 weeks, before it was 20 days'],
  },
  {
    to: ['schedule: {', 'schedule: { incremental: { retention: { copies: 6, age: 8 days } },'],
    there: [
      '!incremental backups: the last 6 stay, before it was the last 7',
      'incremental backups: they stay for 8 days, before it was 1 week',
    ],
    back: [
      'incremental backups: the last 7 stay, before it was the last 6',
      '!incremental backups: they stay for 1 week, before it was 8 days',
    ],
  },
  {
    to: ['schedule: {', 'schedule: { snapshots: { retention: { copies: 1 } },'],
    there: ['!backups before operations: the last 1 stay, before it was the last 3'],
    back: ['backups before operations: the last 3 stay, before it was the last 1'],
  },
  {
    to: ['full: {', 'full: { time: "05:00",'],
    there: [
      'full backups: Sunday 05:00 UTC, before it was Sunday 02:00 UTC',
      '!longest time between backups: 27 hours, from the incremental of Saturday 02:00 to the full of Sunday 05:00; before it was 1 day',
    ],
    back: ['full backups: Sunday 02:00 UTC, before it was Sunday 05:00 UTC'],
  },
  {
    to: ['full: {', 'full: { day: monday,'],
    there: ['full backups: Monday 02:00 UTC, before it was Sunday 02:00 UTC'],
    back: ['full backups: Sunday 02:00 UTC, before it was Monday 02:00 UTC'],
  },
  {
    to: ['recoveryTime: 4 hours', 'recoveryTime: 5 hours'],
    there: ['!RTO: 5 hours, before it was 4 hours'],
    back: ['RTO: 4 hours, before it was 5 hours'],
  },
  {
    to: ['recoveryPoint: 30 hours', 'recoveryPoint: 2 days'],
    there: ['!RPO: 2 days, before it was 30 hours'],
    back: ['RPO: 30 hours, before it was 2 days'],
  },
  {
    from: ['locations:\n', 'locations:\n  staging: { primary: { storage: /s1 }, secondary: { storage: /s2 } }\n'],
    to: ['locations:\n', 'locations:\n  staging: { primary: { storage: /s1 } }\n'],
    there: ['!staging, secondary location: none, before it was /s2'],
    back: ['staging, secondary location: /s2, before it was none'],
  },
  {
    to: ['/mnt/off-site', '/mnt/elsewhere'],
    there: ['production, secondary location: /mnt/elsewhere, before it was /mnt/off-site'],
    back: ['production, secondary location: /mnt/off-site, before it was /mnt/elsewhere'],
  },
  {
    from: ['locations:\n', 'locations:\n  staging: { primary: { storage: /s1 } }\n'],
    to: [
      'environment: production\nlocations:\n',
      'environment: staging\nlocations:\n  staging: { primary: { storage: /s1 } }\n',
    ],
    there: ['!environment: staging, which has no secondary location, before it was production'],
    back: ['environment: production, before it was staging'],
  },
  {
    to: ['{ keyFile: keys/zakops-backup.key }', '{ passphrase: "env:P" }'],
    there: ['what opens the keyring: passphrase env:P, before it was key file keys/zakops-backup.key'],
    back: ['what opens the keyring: key file keys/zakops-backup.key, before it was passphrase env:P'],
  },
  {
    to: ['management: [dee]', 'management: [eli, fay]'],
    there: ['management answers: eli, fay, before it was dee'],
    back: ['management answers: dee, before it was eli, fay'],
  },
  {
    to: ['start: [systemctl, start, web]', 'start: [systemctl, start, web], health: [curl, localhost]'],
    there: ['service web has other commands'],
    back: ['!service web has other commands; its health is no longer checked after a restore'],
  },
  {
    to: [`  orders: ${sqlite}\n`, ''],
    there: ['!source orders is no longer backed up'],
    back: ['source orders is new (sqlite)'],
  },
  {
    to: [sqlite, files.replace('documents', 'orders')],
    there: [
      '!source orders: it is files, before it was sqlite, which is no longer backed up',
      'source orders: other services depend on it',
    ],
    back: [
      '!source orders: it is sqlite, before it was files, which is no longer backed up',
      'source orders: other services depend on it',
    ],
  },
  {
    to: ['/srv/orders.db', '/srv/other.db'],
    there: ['!source orders: /srv/other.db is backed up, and /srv/orders.db no longer'],
    back: ['!source orders: /srv/orders.db is backed up, and /srv/other.db no longer'],
  },
  {
    to: ['paths: [/srv/documents]', 'paths: [/srv/documents, /srv/more]'],
    there: ['source documents: /srv/more is backed up too'],
    back: ['!source documents: /srv/more is no longer backed up'],
  },
  {
    from: ['paths: [/srv/documents]', 'paths: [/srv/documents/a]'],
    to: ['paths: [/srv/documents]', 'paths: [/srv/documents]'],
    there: [
      'source documents: /srv/documents/a is backed up as part of a folder',
      'source documents: /srv/documents is backed up too',
    ],
    back: [
      '!source documents: /srv/documents is no longer backed up',
      'source documents: /srv/documents/a is backed up too',
    ],
  },
  {
    to: [files, files.replace('services', 'exclude: ["*.tmp", "!a.tmp"], services')],
    there: [
      '!source documents: what matches "*.tmp" is left out',
      'source documents: what matches "a.tmp" is taken back in',
    ],
    back: [
      'source documents: what matches "*.tmp" is no longer left out',
      '!source documents: what matches "a.tmp" is no longer taken back in',
    ],
  },
  {
    from: [files, files.replace('services', 'exclude: ["!a", a], services')],
    to: [files, files.replace('services', 'exclude: [a, "!a"], services')],
    there: ['!source documents: what is left out is said in another order'],
    back: ['!source documents: what is left out is said in another order'],
  },
  {
    to: [files, files.replace('services', 'excludeCaches: true, oneFileSystem: true, services')],
    there: ['!source documents: caches are left out', '!source documents: other file systems below it are left out'],
    back: ['source documents: caches are backed up', 'source documents: other file systems below it are backed up'],
  },
  {
    to: [url, '"postgresql://other@localhost:5432/postgres"'],
    there: ['source main: another user connects'],
    back: ['source main: another user connects'],
  },
  {
    to: [url, '"postgresql://backup@elsewhere:5432/postgres"'],
    there: ['!source main: another server or database, and the old one no longer'],
    back: ['!source main: another server or database, and the old one no longer'],
  },
  {
    to: [postgresql, postgresql.replace(' }', ', mode: logical, manifestTableBytesMax: 5 }')],
    there: [
      '!source main: dumps only, so no point-in-time recovery',
      '!source main: tables up to 5 bytes are compared as a whole, before it was 10737418240',
    ],
    back: [
      'source main: physical backups with the log',
      'source main: tables up to 10737418240 bytes are compared as a whole, before it was 5',
    ],
  },
  {
    to: [postgresql, postgresql.replace(' }', ', assertions: [{ name: rows, sql: select 1, expect: "1" }] }')],
    there: ['source main: "rows" is asserted'],
    back: ['!source main: "rows" is no longer asserted as it was'],
  },
  {
    from: [sqlite, asserting('atLeast: 5, atMost: 20')],
    to: [sqlite, asserting('atLeast: 6, atMost: 20')],
    there: ['source orders: "rows" is asserted otherwise, and of no less'],
    back: ['!source orders: "rows" is no longer asserted as it was', 'source orders: "rows" is asserted'],
  },
  {
    from: [sqlite, asserting('atLeast: 5')],
    to: [sqlite, asserting('expect: "7"')],
    there: ['source orders: "rows" is asserted otherwise, and of no less'],
    back: ['!source orders: "rows" is no longer asserted as it was', 'source orders: "rows" is asserted'],
  },
  {
    from: [sqlite, sqlite.replace(' }', ', validations: [{ sql: select 1, atMost: 5 }] }')],
    to: [sqlite, sqlite.replace(' }', ', validations: [{ sql: select 1, atMost: 4 }] }')],
    there: ['source orders: more is validated after a restore'],
    back: ['!source orders: 1 of its validations are no longer as they were'],
  },
  {
    to: [
      postgresql,
      postgresql.replace(' }', ', wal: { receive: true, partialEvery: 5 seconds, lagLimit: 100000000 } }'),
    ],
    there: [
      'source main: the log is received as it is written',
      'source main: what was received is stored after 5 seconds, before it was 30 seconds',
      '!source main: the slot is dropped when it keeps more than 100000000 bytes',
    ],
    back: [
      '!source main: the log is no longer received by `serve`',
      '!source main: what was received is stored after 30 seconds, before it was 5 seconds',
      'source main: the slot is never dropped',
    ],
  },
  {
    to: ['/var/lib/zakops-backup', '/var/lib/other'],
    there: ['state: /var/lib/other, before it was /var/lib/zakops-backup'],
    back: ['state: /var/lib/zakops-backup, before it was /var/lib/other'],
  },
]

function told(before: Policy, after: Policy): string[] {
  return diffPolicies(before, after).map(({ text, weakens }) => `${weakens ? '!' : ''}${text}`)
}

test('diffPolicies() says what changed, and what of it weakens the policy', () => {
  for (const { from, to, there, back } of table) {
    const before = from === undefined ? policyWith() : policyWith(from)
    const after = policyWith(to)
    assert.deepEqual(told(before, after), there, to[1])
    assert.deepEqual(told(after, before), back, `back from ${to[1]}`)
  }
})

test('diffPolicies() finds equal policies equal', () => {
  assert.deepEqual(diffPolicies(policyWith(), policyWith()), [])
})

test('requireNotWeaker() lets nothing weaker pass without a reason, and answers what to record', () => {
  const [before, after] = [
    policyWith(),
    policyWith(['copies: 4', 'copies: 1'], ['recoveryTime: 4 hours', 'recoveryTime: 9 hours']),
  ]
  assert.throws(
    () => requireNotWeaker(before, after, undefined),
    (error) => {
      assert.ok(isFailure(error, 'refused'))
      assert.equal(
        error.message,
        'Cannot take over a weaker policy: it promises less in 2 things\n' +
          '  full backups: the last 1 stay, before it was the last 4\n' +
          '  RTO: 9 hours, before it was 4 hours',
      )
      return true
    },
  )
  assert.deepEqual(requireNotWeaker(before, after, { reason: ' the disk is full ' }), {
    weakened: ['full backups: the last 1 stay, before it was the last 4', 'RTO: 9 hours, before it was 4 hours'],
    reason: 'the disk is full',
  })
  for (const reason of ['', '  ', 'x'.repeat(1001)]) {
    assert.throws(
      () => requireNotWeaker(before, after, { reason }),
      (error) => isFailure(error, 'usage'),
    )
  }
  assert.deepEqual(requireNotWeaker(after, before, { reason: 'not needed' }), { weakened: [], reason: undefined })
})
