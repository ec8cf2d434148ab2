import type { CommandEntry } from './command-entry.ts'

const policy = 'Policy:'
const daily = 'Backups:'
const care = 'Care of a repository:'
const copies = 'Second copy:'
const shell = 'This program:'

/** Every command of the program in the order of its help. */
export const commandList: readonly CommandEntry[] = [
  {
    name: 'init',
    group: policy,
    summary: 'write a policy and a keyring, ready to run',
    load: () => import('./commands/policy/init.ts'),
    plumbing: { summary: 'same as `repo init`', load: () => import('./commands/init.ts') },
  },
  {
    name: 'policy',
    group: policy,
    summary: 'check, show and compare policies',
    load: () => import('./commands/policy/policy.ts'),
  },
  {
    name: 'serve',
    group: policy,
    summary: 'keep the policy: do what is due, when it is due',
    load: () => import('./commands/policy/serve.ts'),
  },
  {
    name: 'run',
    group: policy,
    summary: 'do what is due now, once',
    load: () => import('./commands/policy/run.ts'),
  },
  {
    name: 'status',
    group: policy,
    summary: 'see whether the policy is kept, clause by clause',
    load: async () => {
      const { statusCommand } = await import('./commands/policy/status.ts')
      return statusCommand(async () => (await import('./access/gather-status-facts.ts')).gatherStatusFacts)
    },
  },
  {
    name: 'keys',
    group: policy,
    summary: 'list, rotate, rewrap, export and check the keys',
    load: () => import('./commands/policy/keys.ts'),
  },
  {
    name: 'backup',
    group: daily,
    summary: 'back up sources of the policy, here and off-site',
    load: () => import('./commands/policy/backup.ts'),
    plumbing: { summary: 'back up files and directories', load: () => import('./commands/backup.ts') },
  },
  {
    name: 'backups',
    group: daily,
    summary: 'list the backups of the policy',
    load: () => import('./commands/policy/backups.ts'),
  },
  {
    name: 'guard',
    group: daily,
    summary: 'back a SQLite source up before a command, then run it',
    load: () => import('./commands/policy/guard.ts'),
  },
  { name: 'snapshots', group: daily, summary: 'list the snapshots', load: () => import('./commands/snapshots.ts') },
  {
    name: 'restore',
    group: daily,
    summary: 'restore a source of the policy, and prove it',
    load: () => import('./commands/policy/restore.ts'),
    plumbing: { summary: 'write a snapshot back to disk', load: () => import('./commands/restore.ts') },
  },
  {
    name: 'procedure',
    group: daily,
    summary: 'run the restore procedures of the policy, step by step',
    load: () => import('./commands/policy/procedure.ts'),
  },
  {
    name: 'wal',
    group: daily,
    summary: "store, fetch, receive and check PostgreSQL's log",
    load: () => import('./commands/policy/wal.ts'),
  },
  {
    name: 'sandbox',
    group: daily,
    summary: 'a private PostgreSQL server on any backup',
    load: () => import('./commands/policy/sandbox.ts'),
  },
  { name: 'ls', group: daily, summary: 'list the files of a snapshot', load: () => import('./commands/ls.ts') },
  { name: 'find', group: daily, summary: 'find files in all snapshots', load: () => import('./commands/find.ts') },
  { name: 'diff', group: daily, summary: 'compare two snapshots', load: () => import('./commands/diff.ts') },
  {
    name: 'dump',
    group: daily,
    summary: 'print a file, or a directory as an archive',
    load: () => import('./commands/dump.ts'),
  },
  { name: 'stats', group: daily, summary: 'count files and bytes', load: () => import('./commands/stats.ts') },
  { name: 'repo', group: care, summary: 'make or unlock a repository', load: () => import('./commands/repo.ts') },
  { name: 'check', group: care, summary: 'look for damage', load: () => import('./commands/check.ts') },
  { name: 'forget', group: care, summary: 'remove snapshots by rule', load: () => import('./commands/forget.ts') },
  {
    name: 'prune',
    group: care,
    summary: 'remove data that no snapshot needs',
    load: () => import('./commands/prune.ts'),
  },
  { name: 'key', group: care, summary: 'list, add, remove, change passwords', load: () => import('./commands/key.ts') },
  {
    name: 'mirror',
    group: copies,
    summary: 'copy what is missing to a second place',
    load: () => import('./commands/mirror.ts'),
  },
  {
    name: 'retain',
    group: policy,
    summary: 'remove what the policy keeps no longer',
    load: () => import('./commands/policy/retain.ts'),
  },
  {
    name: 'evidence',
    group: policy,
    summary: 'export, verify and report what is on record',
    load: () => import('./commands/policy/evidence.ts'),
  },
  {
    name: 'catalog',
    group: policy,
    summary: 'read the backups anew from the repositories',
    load: () => import('./commands/policy/catalog.ts'),
  },
  {
    name: 'replicate',
    group: copies,
    summary: 'copy what is missing off-site',
    load: () => import('./commands/policy/replicate.ts'),
  },
  {
    name: 'verify',
    group: copies,
    summary: 'verify the backups at every location',
    load: () => import('./commands/policy/verify.ts'),
  },
  {
    name: 'heal',
    group: copies,
    summary: 'mend damaged objects from the other copy',
    load: () => import('./commands/policy/heal.ts'),
    plumbing: { summary: 'mend damaged objects from another copy', load: () => import('./commands/heal.ts') },
  },
  {
    name: 'completion',
    group: shell,
    summary: 'print completion for a shell',
    load: () => import('./commands/completion.ts'),
  },
  { name: 'help', group: shell, summary: 'show help for a command', load: () => import('./commands/help.ts') },
  { name: 'version', group: shell, summary: 'show the version', load: () => import('./commands/version.ts') },
  // restic's spelling of `repo unlock`; `init` with -r is its spelling of `repo init`.
  {
    name: 'unlock',
    group: care,
    hidden: true,
    summary: 'same as `repo unlock`',
    load: () => import('./commands/unlock.ts'),
  },
]
