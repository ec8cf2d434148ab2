import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { CommandRun } from '../../../../testing/fake-world.ts'
import { PolicyDesk } from '../../../../testing/policy-desk.ts'
import { temporaryFolder } from '../../../../testing/temporary-folder.ts'
import { openSqliteCatalog } from '../../../catalog/sqlite/sqlite-catalog.ts'
import { acknowledgementNote, alarmOf } from '../../../model/evidence/evidence-alarm.ts'

const verify = (file: string): string[] => ['evidence', 'verify', file, '--public-key', 'key.pem']
const report = (...words: readonly string[]): string[] => ['evidence', 'report', ...words]

test('evidence export and verify: what was done is proven elsewhere with a public key, and an edit is named', async () => {
  await using desk = await PolicyDesk.open()
  await desk.type(['backup'])
  const text = await desk.export('ledger.jsonl')
  for (const kind of ['policy version', 'run begun', 'backup stored', 'copy stored', 'run ended']) {
    assert.match(text, new RegExp(`"kind":"${kind}"`))
  }
  const pem = (await desk.type(['evidence', 'public-key'])).stdout
  // Elsewhere: nothing but the two files.
  await using elsewhere = temporaryFolder('auditor')
  writeFileSync(elsewhere.at('ledger.jsonl'), text)
  writeFileSync(elsewhere.at('key.pem'), pem)
  const proven = await desk.type(verify('ledger.jsonl'), 0, { folder: elsewhere.path })
  assert.match(proven.stdout, /^proven: \d+ entries, 2 signed heads, from 2026-01-01 00:00/)
  writeFileSync(elsewhere.at('ledger.jsonl'), text.replace('"files":1', '"files":2'))
  const broken = await desk.type(verify('ledger.jsonl'), 5, { folder: elsewhere.path })
  assert.match(broken.stdout, /^not proven: edited\nEntry \d+: its hash is not of what it says/)
  writeFileSync(elsewhere.at('key.pem'), 'x')
  assert.match(
    (await desk.type(verify('ledger.jsonl'), 2, { folder: elsewhere.path })).stderr,
    /there is no public key in it/,
  )
})

test('signed heads lie at both locations and tell an export whose tail was cut off from a whole one', async () => {
  await using desk = await PolicyDesk.open()
  await desk.type(['backup'])
  const early = await desk.export('early.jsonl')
  desk.nextDay()
  await desk.type(['backup'])
  await desk.export('late.jsonl')
  assert.deepEqual(desk.heads('primary'), desk.heads('off-site'))
  assert.match(desk.heads('primary').join(' '), /2026-01-01-\d+-[0-9a-f]{8}\.json .*2026-01-02-\d+-[0-9a-f]{8}\.json/)
  writeFileSync(desk.folder.at('key.pem'), (await desk.type(['evidence', 'public-key'])).stdout)
  await desk.type(verify('early.jsonl'))
  const cut = await desk.type([...verify('early.jsonl'), '--heads', 'off-site/production/evidence'], 5)
  assert.match(cut.stderr, /tail cut from entry \d+ on/)
  const policy = ['--policy', 'zakops-backup.yaml']
  await desk.type([...verify('early.jsonl'), ...policy], 5)
  await desk.type([...verify('late.jsonl'), ...policy])
  rmSync(desk.folder.at('off-site'), { recursive: true })
  await desk.type([...verify('late.jsonl'), ...policy])
  assert.ok(early.length > 0)
})

test('a ledger that was changed in the catalog is not signed, and every command says so while backups go on', async () => {
  await using desk = await PolicyDesk.open()
  await desk.type(['backup'])
  await desk.export('before.jsonl')
  await desk.type(['backup'])
  const database = new DatabaseSync(desk.folder.at('state', 'catalog.sqlite'))
  database.exec(
    `DROP TRIGGER ledger_stays; UPDATE ledger SET actor = 'nobody' WHERE sequence = (SELECT max(sequence) FROM ledger)`,
  )
  database.close()
  // At once, and in the status.
  assert.match((await desk.type(['backup'])).stderr, /^sign evidence: ledger: .*is not as it was recorded/m)
  assert.match(
    (await desk.type(['status'], 5)).stdout,
    /breached +Responsibilities\s+the evidence is not as it was\s+recorded/,
  )
  const refused = await desk.type(['evidence', 'export', '--to', 'after.jsonl'], 5)
  assert.match(refused.stderr, /Cannot sign the evidence ledger: entry \d+ is not as it was recorded/)
  desk.nextDay()
  assert.match((await desk.type(['backup'])).stderr, /^sign evidence: ledger: .*is not as it was recorded/m)
})

test('a catalog that was set back is told by the heads at the locations: by each backup, the report and evidence verify', async () => {
  await using desk = await PolicyDesk.open()
  await desk.type(['backup'])
  await desk.export('early.jsonl')
  cpSync(desk.folder.at('state'), desk.folder.at('older'), { recursive: true })
  desk.nextDay()
  await desk.type(['backup'])
  await desk.type(['backup'])
  await desk.export('late.jsonl')
  rmSync(desk.folder.at('state'), { recursive: true })
  renameSync(desk.folder.at('older'), desk.folder.at('state'))
  const told = await desk.type(['backup'], 3)
  assert.match(told.stderr, /primary location that the catalog does not have: the catalog was set back to/)
  assert.match(told.stderr, /secondary location that the catalog does not have/)
  await desk.type(report('--month', '2026-01', '--to', 'a.html'), 5)
  const page = readFileSync(desk.folder.at('a.html'), 'utf8')
  assert.match(page, /Ledger<\/p><strong>not proven[\s\S]*The ledger is not as it was recorded: a head at the primary/)
})

test('a person acknowledges why the catalog was set back: then it is history, in status, verify, the report and for an auditor', async () => {
  await using desk = await PolicyDesk.open()
  await desk.type(['backup'])
  await desk.export('early.jsonl')
  cpSync(desk.folder.at('state'), desk.folder.at('older'), { recursive: true })
  desk.nextDay()
  await desk.type(['backup'])
  await desk.export('late.jsonl')
  rmSync(desk.folder.at('state'), { recursive: true })
  renameSync(desk.folder.at('older'), desk.folder.at('state'))
  writeFileSync(desk.folder.at('key.pem'), (await desk.type(['evidence', 'public-key'])).stdout)
  assert.match((await desk.type(['backup'], 3)).stderr, /`evidence acknowledge --reason …` puts it on record/)
  const status = await desk.type(['status'], 5)
  assert.match(status.stdout, /breached +Primary\s+evidence, 2026-01-02 00:00 \(entry \d+\): a signed head lies at/)
  assert.match(status.stdout, /→ find out why, then: zakops-backup evidence acknowledge --reason TEXT/)
  const foreign = desk.heads('primary')

  await desk.type(['evidence', 'acknowledge', '--reason', ' '], 2)
  // Who may write the catalog can not acknowledge in the place of a person: he has no key.
  const catalog = await openSqliteCatalog(desk.folder.at('state', 'catalog.sqlite'))
  const heads = (await catalog.evidence({ kinds: ['alarm'] })).flatMap((one) => alarmOf(one)!.heads)
  const said = { alarms: [1, 2, 3, 11, 12, 13], heads: heads.map(({ digest }) => digest), reason: 'fine' }
  const signed = { key: '0'.repeat(16), signature: '0'.repeat(128) }
  await catalog.addEvidence(acknowledgementNote({ ...said, at: desk.clock.now(), actor: 'ann' }, signed))
  await catalog.close()
  assert.match((await desk.type(['replicate'])).stderr, /a signed head lies at the primary/)
  const done = await desk.type(['evidence', 'acknowledge', '--reason', 'the disk of the state failed <b>'])
  assert.match(
    done.stdout,
    /^entry \d+: a signed head lies at the primary[^]*2 alarms acknowledged; on record and signed/,
  )
  await desk.type(['backup'])
  assert.doesNotMatch((await desk.type(['status'], 0)).stdout, /signed head/)
  // What was there is there, and what is signed now lies beside it, where a name was taken too.
  for (const name of foreign) assert.ok(desk.heads('primary').includes(name))

  await desk.export('now.jsonl')
  const audited = await desk.type([...verify('now.jsonl'), '--policy', 'zakops-backup.yaml'])
  assert.match(
    audited.stderr,
    /a head at .*, signed 2026-01-02 00:00 over \d+ entries: .*acknowledged by test-user@test-host, 2026-01-02 00:00: the disk of the state failed/,
  )
  await desk.type(report('--month', '2026-01', '--to', 'a.html'))
  const page = readFileSync(desk.folder.at('a.html'), 'utf8')
  assert.match(page, /a signed head lies at the primary[^]*were acknowledged: the disk of the state failed &lt;b&gt;/)
  assert.match(page, /Ledger<\/p><strong>intact[^]*1 that are of no part of this ledger were acknowledged by a person/)

  // Nobody acknowledged what somebody puts there later, nor the export of before.
  await desk.type([...verify('late.jsonl'), '--policy', 'zakops-backup.yaml'], 5)
  const name = desk.heads('off-site')[0]!
  writeFileSync(desk.folder.at('off-site/production/evidence', `2026-02-01-1-${name.slice(-13, -5)}.json`), 'x')
  assert.match((await desk.type(['replicate'])).stderr, /a signed head lies at the secondary location/)
})

test('signed heads that were removed from a location are put back, and that is told and on record until a person says why', async () => {
  await using desk = await PolicyDesk.open()
  await desk.type(['backup'])
  await desk.type(['evidence', 'export', '--to', 'a.jsonl'])
  const evidence = desk.folder.at('off-site/production/evidence')
  const [first] = desk.heads('off-site')
  rmSync(desk.folder.at('off-site/production/evidence', first!))
  assert.match(
    (await desk.type(['backup'], 3)).stderr,
    new RegExp(`a signed head that lay at the secondary location was gone, and was put back: ${first}`),
  )
  assert.deepEqual(desk.heads('off-site'), desk.heads('primary'))
  const status = await desk.type(['status', '--json'])
  assert.match(status.stdout, /was gone, and was put back: /)
  rmSync(evidence, { recursive: true })
  assert.match((await desk.type(['verify'], 3)).stderr, /\d signed heads that lay at the secondary location were gone/)
  await desk.type(['evidence', 'acknowledge', '--reason', 'a new disk'])
  assert.doesNotMatch((await desk.type(['status', '--json'])).stdout, /was gone/)
  const kinds = (await desk.export('ledger.jsonl')).match(/"kind":"(alarm|acknowledgement)"/g)
  assert.deepEqual(kinds, ['"kind":"alarm"', '"kind":"alarm"', '"kind":"acknowledgement"'])
})

test('heal puts the signed heads of a location that was lost back, and says so once', async () => {
  await using desk = await PolicyDesk.open()
  await desk.type(['backup'])
  const heads = desk.heads('primary')
  rmSync(desk.folder.at('primary/production'), { recursive: true })
  assert.match((await desk.type(['heal'])).stderr, /a signed head that lay at the primary location was gone/)
  assert.deepEqual(desk.heads('primary'), heads)
  assert.doesNotMatch((await desk.type(['replicate'])).stderr, /was gone/)
  assert.match((await desk.type(['status'])).stdout, /due +Primary\s+evidence, .*: a signed head that lay/)
})

test('evidence verify --heads: a place with none of the heads proves nothing, and one that lacks some is told', async () => {
  await using desk = await PolicyDesk.open()
  await desk.type(['backup'])
  await desk.export('early.jsonl')
  writeFileSync(desk.folder.at('key.pem'), (await desk.type(['evidence', 'public-key'])).stdout)
  assert.match((await desk.type(verify('early.jsonl'))).stderr, /What was recorded after this export it can not tell/)
  mkdirSync(desk.folder.at('empty'))
  assert.match(
    (await desk.type([...verify('early.jsonl'), '--heads', 'empty'], 5)).stderr,
    /head missing: 2 of the 2 heads of the export are not at/,
  )
  const place = 'off-site/production/evidence'
  rmSync(desk.folder.at(place, desk.heads('off-site')[0]!))
  const lacks = await desk.type([...verify('early.jsonl'), '--heads', place])
  assert.match(lacks.stderr, /: 1 of the 2 heads of the export are not at/)
})

test('what is refused under a policy is on record', async () => {
  await using desk = await PolicyDesk.open()
  writeFileSync(desk.folder.at('pw'), 'x')
  await desk.type(['keys', 'export', '--to', 'primary/export', '--password-file', desk.folder.at('pw')], 4)
  const [, ...lines] = (await desk.export('ledger.jsonl')).trim().split('\n')
  const refusal = lines
    .map((line) => JSON.parse(line) as { kind: string; actor: string; facts: unknown })
    .find(({ kind }) => kind === 'refusal')
  assert.equal(refusal?.actor, 'test-user@test-host')
  assert.match(JSON.stringify(refusal?.facts), /"command":"keys export","failure":"refused","message":"Cannot keep/)
})

test('evidence public-key keeps the keys before a rotation, and an export over it is verified with both', async () => {
  await using desk = await PolicyDesk.open()
  await desk.type(['backup'])
  await desk.export('early.jsonl')
  await desk.type(['keys', 'rotate'])
  await desk.export('late.jsonl')
  const { keys } = JSON.parse((await desk.type(['evidence', 'public-key', '--json'])).stdout) as {
    keys: { public_key: string; retired_at?: string }[]
  }
  assert.deepEqual(
    keys.map((key) => key.retired_at === undefined),
    [false, true],
  )
  const verifyWith = async (pem: string, code: number): Promise<CommandRun> => {
    writeFileSync(desk.folder.at('key.pem'), pem)
    return await desk.type(verify('late.jsonl'), code)
  }
  await verifyWith(keys.map((key) => key.public_key).join('\n'), 0)
  assert.match(
    (await verifyWith(keys[1]!.public_key, 5)).stdout,
    /wrong signature\nHead 1: it is signed by key [0-9a-f]{16}/,
  )
})

test('evidence report writes a page of the month, with a PDF where there is a Chromium, and says so where there is none', async () => {
  await using desk = await PolicyDesk.open()
  await desk.type(['backup'])
  await desk.type(report('--to', 'a.html'), 2)
  await desk.type(report('--month', '2026-13', '--to', 'a.html'), 2)
  await desk.type(report('--month', '2026-01', '--year', '2026', '--to', 'a.html'), 2)
  assert.match((await desk.type(report('--drill', 'run-1', '--to', 'a.html'), 2)).stderr, /no drill is on record/)
  const early = await desk.type(report('--month', '2026-02', '--to', 'a.html'), 2)
  assert.match(early.stderr, /Cannot report on February 2026: it begins on 2026-02-01/)
  const written = await desk.type(report('--month', '2026-01', '--to', 'a.html'))
  assert.match(written.stderr, /January 2026 is not finished/)
  const page = readFileSync(desk.folder.at('a.html'), 'utf8')
  assert.match(
    page,
    /<h1>January 2026<\/h1>[\s\S]*Not finished[\s\S]*Ledger<\/p><strong>intact[\s\S]*<h3>documents<\/h3>/,
  )
  const none = await desk.type(report('--year', '2026', '--to', 'b.html', '--pdf'), 1)
  assert.match(none.stderr, /no Chromium is installed/)
  // A program in Chromium's place shows what it is asked for.
  mkdirSync(desk.folder.at('bin'))
  writeFileSync(
    desk.folder.at('bin', 'chromium'),
    '#!/bin/sh\nfor word; do case $word in --print-to-pdf=*) echo pdf > "${word#*=}";; esac; done\n',
    { mode: 0o755 },
  )
  const environment = { PATH: `${desk.folder.at('bin')}:/bin:/usr/bin` }
  await desk.type(report('--year', '2026', '--to', 'c.html', '--pdf'), 0, { environment })
  assert.equal(readFileSync(desk.folder.at('c.pdf'), 'utf8'), 'pdf\n')
})
