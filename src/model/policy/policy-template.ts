import type { Environment } from './policy.ts'

/** What `init` knows about a policy that is to be written. Paths are as they shall stand in the file. */
export interface PolicyDraft {
  readonly environment: Environment
  readonly primary: string
  /** Undefined where there is none. */
  readonly secondary: string | undefined
  readonly keyring: string
  readonly unlock: { readonly keyFile: string } | { readonly passphrase: string }
  readonly responsibilities: Readonly<Record<'devops' | 'dba' | 'security' | 'management', readonly string[]>>
  readonly sources: readonly SourceDraft[]
  readonly state: string
}

export type SourceDraft =
  | { readonly kind: 'files'; readonly name: string; readonly paths: readonly string[] }
  | { readonly kind: 'sqlite'; readonly name: string; readonly path: string }
  | { readonly kind: 'postgresql'; readonly name: string; readonly url: string }

/** The text of a policy file with a comment for each part. readPolicy() reads back what the draft says. */
export function policyTemplate(draft: PolicyDraft): string {
  const { responsibilities } = draft
  return `# The backup and restore policy of ${draft.environment}. \`zakops-backup policy check\` tells every fault of this file at once,
# \`policy show\` what it means and what is due next. Every setting: docs/policy.md, or \`policy schema\` for your editor.
# Relative paths start from the folder of this file.
version: 1
environment: ${draft.environment}

# When backups are taken (UTC), and how long they are kept: a backup goes only when it is neither among the newest
# \`copies\` nor younger than \`age\`. The full of its day takes the place of that day's incremental.
schedule:
  full:
    frequency: weekly
    day: sunday
    time: "02:00"
    retention: { copies: 4, age: 4 weeks }
  incremental:
    frequency: daily
    time: "02:00"
    retention: { copies: 7, age: 7 days }
  snapshots:
    postgresql: daily
    sqlite: pre-operation # \`zakops-backup guard SOURCE -- COMMAND\`
    retention: { copies: 3, age: 7 days }

# Where backups lie: the secondary takes a copy of each, off-site. Production must have both.
locations:
  ${draft.environment}:
    primary:
      storage: ${scalar(draft.primary)}
      encrypted: true
${secondaryText(draft.secondary)}

# Everything is encrypted. The keys lie in the keyring, apart from the backups: without it, and without what opens it,
# nobody can restore anything. Keep copies of both in a place that is neither this machine nor a location.
encryption:
  algorithm: AES-256
  keyManagement:
    keyring: ${scalar(draft.keyring)}
    unlock:
      ${'keyFile' in draft.unlock ? `keyFile: ${scalar(draft.unlock.keyFile)}` : `passphrase: ${scalar(draft.unlock.passphrase)}`}
  keyRotation: annually

# How long a recovery may take (RTO), and how old the newest good backup may become (RPO).
objectives:
  recoveryTime: 4 hours
  recoveryPoint: 24 hours

# A random backup is restored and compared each month; a complete loss is rehearsed each year.
testing:
  restoreTest: monthly
  recoveryDrill: annually

# Who answers for what: names or addresses, at least one each. Change them to those who really do.
responsibilities:
  devops: ${list(responsibilities.devops)} # backup configuration and monitoring
  dba: ${list(responsibilities.dba)} # database-specific procedures
  security: ${list(responsibilities.security)} # encryption key management
  management: ${list(responsibilities.management)} # policy approval and review

# Services that are stopped before a source is restored, and started after it; sources name them by \`services: [web]\`.
#   web:
#     stop: [systemctl, stop, web]
#     start: [systemctl, start, web]
#     health: [curl, --fail, "http://localhost:8080/health"]
services: {}

# What is protected. A secret is never written here: \`password: env:NAME\` or \`password: file:PATH\` says where it is.
sources:
${draft.sources.map(sourceText).join('\n')}

# The folder of the catalog and of temporary copies, on this machine. Losing it loses no backup.
state: ${scalar(draft.state)}
`
}

function secondaryText(secondary: string | undefined): string {
  if (secondary === undefined) return '    secondary: N/A'
  return `    secondary:\n      storage: ${scalar(secondary)}\n      encrypted: true`
}

function sourceText(source: SourceDraft): string {
  const head = `  ${scalar(source.name)}:\n    kind: ${source.kind}\n`
  switch (source.kind) {
    case 'files':
      return `${head}    paths: ${list(source.paths)}\n    exclude: [] # patterns in the syntax of gitignore`
    case 'sqlite':
      return `${head}    path: ${scalar(source.path)}`
    case 'postgresql':
      return `${head}    url: ${scalar(source.url)}`
    default:
      return source satisfies never
  }
}

function list(values: readonly string[]): string {
  return `[${values.map(scalar).join(', ')}]`
}

/** Text as YAML: plain where that can mean nothing else, else in double quotes, whose escapes are those of JSON. */
function scalar(text: string): string {
  const isPlain = /^(\.{0,2}\/|[A-Za-z])[\w./-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text)
  return isPlain ? text : JSON.stringify(text)
}
