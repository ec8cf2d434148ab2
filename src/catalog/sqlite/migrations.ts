/**
 * How the catalog came to be as it is, step by step: each is applied once, in one transaction, and counted in
 * `user_version`. A step that was released never changes again. Times are milliseconds since 1970, UTC.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE runs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    procedure TEXT NOT NULL,
    trigger TEXT NOT NULL,
    source TEXT,
    due_at INTEGER,
    started_at INTEGER NOT NULL,
    host TEXT NOT NULL,
    process_id INTEGER NOT NULL,
    process_birth TEXT,
    state TEXT NOT NULL,
    ended_at INTEGER,
    summary TEXT,
    gaps TEXT,
    failure TEXT,
    message TEXT
  ) STRICT;
  CREATE INDEX runs_started ON runs (started_at, seq);
  CREATE INDEX runs_of_source ON runs (source, started_at, seq);
  CREATE INDEX runs_running ON runs (started_at, seq) WHERE state = 'running';

  CREATE TABLE backups (
    id TEXT NOT NULL PRIMARY KEY,
    environment TEXT NOT NULL,
    source TEXT NOT NULL,
    source_kind TEXT NOT NULL,
    kind TEXT NOT NULL,
    generation INTEGER NOT NULL,
    policy_digest TEXT NOT NULL,
    run TEXT NOT NULL,
    taken_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    tree TEXT NOT NULL,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    bytes_added INTEGER NOT NULL,
    gaps INTEGER NOT NULL,
    removed_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX backups_of_source ON backups (source, taken_at, id);

  CREATE TABLE copies (
    backup TEXT NOT NULL,
    location TEXT NOT NULL,
    stored_at INTEGER NOT NULL,
    PRIMARY KEY (backup, location)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE verifications (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    at INTEGER NOT NULL,
    location TEXT NOT NULL,
    generation INTEGER NOT NULL,
    scope TEXT NOT NULL,
    part INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    objects INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    faults INTEGER NOT NULL,
    UNIQUE (run, at, location, generation, scope, part)
  ) STRICT;
  CREATE INDEX verifications_at ON verifications (at, seq);

  CREATE TABLE proofs (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    at INTEGER NOT NULL,
    backup TEXT NOT NULL,
    source TEXT NOT NULL,
    location TEXT NOT NULL,
    outcome TEXT NOT NULL,
    duration_ms INTEGER NOT NULL,
    UNIQUE (run, at, backup, location)
  ) STRICT;

  CREATE TABLE key_events (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    generation INTEGER,
    actor TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX key_events_once ON key_events (at, kind, ifnull(generation, -1), actor);

  CREATE TABLE policy_versions (
    seq INTEGER PRIMARY KEY,
    digest TEXT NOT NULL,
    since INTEGER NOT NULL,
    text TEXT NOT NULL,
    weakened TEXT NOT NULL,
    reason TEXT,
    actor TEXT NOT NULL,
    UNIQUE (digest, since)
  ) STRICT;
  `,
  // The evidence ledger. Its triggers keep accidents out; who edits the file is found by the chain and the signed heads.
  `
  CREATE TABLE ledger (
    sequence INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    facts TEXT NOT NULL,
    previous_hash TEXT NOT NULL UNIQUE,
    hash TEXT NOT NULL UNIQUE
  ) STRICT;
  CREATE INDEX ledger_at ON ledger (at, kind);
  CREATE TRIGGER ledger_stays BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
  CREATE TRIGGER ledger_keeps BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;

  CREATE TABLE ledger_identity (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL) STRICT;
  INSERT INTO ledger_identity VALUES (1, lower(hex(randomblob(32))));

  CREATE TABLE ledger_heads (
    number INTEGER PRIMARY KEY,
    environment TEXT NOT NULL,
    ledger TEXT NOT NULL,
    previous_head TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    hash TEXT NOT NULL,
    signed_at INTEGER NOT NULL,
    key TEXT NOT NULL,
    signature TEXT NOT NULL
  ) STRICT;
  `,
  // How far WAL is stored, by source and location; LSN in decimal, since it may be beyond what SQLite's integers hold.
  `
  CREATE TABLE wal_stands (
    source TEXT NOT NULL,
    location TEXT NOT NULL,
    system_identifier TEXT NOT NULL,
    timeline INTEGER NOT NULL,
    end TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (source, location)
  ) STRICT, WITHOUT ROWID;
  `,
  // Where the time of a restore went; NULL of restores before that was measured.
  `
  ALTER TABLE proofs ADD COLUMN open_ms INTEGER;
  ALTER TABLE proofs ADD COLUMN transfer_ms INTEGER;
  ALTER TABLE proofs ADD COLUMN verify_ms INTEGER;
  `,
  // Up to when WAL was stored before the gap that it begins behind; NULL where there was none.
  `
  ALTER TABLE wal_stands ADD COLUMN gap_from INTEGER;
  `,
  // Where the log stood at some times before: [milliseconds, "LSN in decimal"] each, as JSON; NULL where nobody noted it.
  `
  ALTER TABLE wal_stands ADD COLUMN marks TEXT;
  `,
  // Which heads lie at a location, by the digest of each.
  `
  CREATE TABLE head_copies (location TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (location, digest)) STRICT, WITHOUT ROWID;
  `,
]
