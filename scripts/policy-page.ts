import { type JsonSchema, policyJsonSchema } from '../src/model/policy/policy-json-schema.ts'

/** A policy of production in full words, which a test reads. */
export const examplePolicy = `version: 1
environment: production

schedule:
  full:
    frequency: weekly
    day: sunday
    time: "02:00" # UTC
    retention: { copies: 4, age: 4 weeks }
  incremental:
    frequency: daily
    time: "02:00"
    retention: { copies: 7, age: 7 days }
  snapshots:
    postgresql: daily
    sqlite: pre-operation

locations:
  production:
    primary: { storage: /srv/backup, encrypted: true }
    secondary: { storage: /mnt/off-site, encrypted: true }

encryption:
  algorithm: AES-256
  keyManagement:
    keyring: /var/lib/zakops-keyring/keyring.json
    unlock: { keyFile: /var/lib/zakops-keyring/zakops-backup.key }
  keyRotation: annually

objectives: { recoveryTime: 4 hours, recoveryPoint: 24 hours }
testing: { restoreTest: monthly, recoveryDrill: annually }

responsibilities:
  devops: [Ann Example]
  dba: [Ben Example]
  security: [security@example.org]
  management: [Dee Example]

services:
  web:
    stop: [systemctl, stop, web]
    start: [systemctl, start, web]
    health: [curl, --fail, --silent, "http://localhost:8080/health"]

sources:
  documents: { kind: files, paths: [/srv/documents], exclude: ["*.tmp"], services: [web] }
  orders:
    kind: sqlite
    path: /srv/orders/orders.db
    assertions: [{ name: customers, sql: select count(*) from customers, atLeast: 1000 }]
  main: { kind: postgresql, url: "postgresql://backup@localhost:5432/postgres", password: "file:/etc/zakops-backup/password" }

state: /var/lib/zakops-backup
`

const introduction = `# The policy file

Made from the schema in \`src/model/policy/policy.ts\` by \`npm run docs -- --write\`; \`npm run docs\` holds it to that.

One YAML file says what is backed up, when, where to, how long it is kept and who answers for it. \`zakops-backup init\` writes
it; \`policy check\` tells every fault at once; \`policy show\` tells what it means; \`policy schema\` prints the JSON Schema from which an
editor completes it. It is looked for at \`--policy\`, else \`ZAKOPS_BACKUP_POLICY\`, else \`./zakops-backup.yaml\`, else
\`/etc/zakops-backup/policy.yaml\`. Relative paths start from the folder of the file. What is left out has the value under
*default*.

\`\`\`yaml
${examplePolicy}\`\`\`
`

const rules = `## Rules beyond the shape

- Production has a secondary, off-site location.
- The locations of \`environment\` are there. The two of an environment are not one place, nor one inside the other.
- The keyring, and the file that opens it, lie in no location and in no source, and no location lies in the folder of the keyring:
  who copies the one must not get the other. Symlinks are followed first.
- The state lies in no location. A source holds no location, no keys and no state, unless a pattern of its \`exclude\` that is
  a plain absolute path leaves them out.
- The services that sources name are there.
- \`objectives.recoveryPoint\` is not shorter than the longest time between two backups of the schedule.
- No secret stands in the file: not in \`unlock\`, not in a URL. A reference says where it is: \`env:NAME\` or \`file:PATH\`.
- YAML is read strictly: no tabs, no name twice, no unknown setting, no tags; at most 100 aliases and 128 KiB.

## Weaker policies

A policy that promises less than the one before it is refused: shorter retention or fewer copies, the secondary location
dropped, a longer RPO or RTO, longer times between backups, a source or path dropped, more left out, fewer assertions or
validations, or wider bounds in one of them.
\`policy diff OLD\` shows it. \`--accept-weaker REASON\` accepts it, and the reason goes on record.
`

/** docs/policy.md, from the schema. */
export function policyPage(): string {
  const { properties = {}, required = [] } = policyJsonSchema()
  const sections = Object.entries(properties).map(([name, schema]) => {
    const lines = [`## ${name}`, '', `${schema.description ?? ''}${required.includes(name) ? ' Required.' : ''}`, '']
    return [...lines, ...settingLines(name, schema)].join('\n')
  })
  return [introduction, ...sections, rules].join('\n')
}

interface Row {
  readonly name: string
  readonly schema: JsonSchema
  readonly isRequired: boolean
}

function settingLines(name: string, schema: JsonSchema): string[] {
  const entry = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined
  if (entry?.oneOf !== undefined) {
    return entry.oneOf.flatMap((kind) => [
      `### ${String(kind.properties?.['kind']?.const)}`,
      '',
      kind.description ?? '',
      '',
      ...tableLines(rowsOf(`${name}.<name>`, kind)),
    ])
  }
  return tableLines(rowsOf(name, schema))
}

function tableLines(rows: readonly Row[]): string[] {
  const lines = rows.map(({ name, schema, isRequired }) => {
    const cells = [`\`${name}\``, valueText(schema), defaultText(schema, isRequired), schema.description ?? '']
    return `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`
  })
  return ['| setting | value | default | meaning |', '| --- | --- | --- | --- |', ...lines, '']
}

/** Every setting below one that holds a value, deep first. */
function rowsOf(name: string, schema: JsonSchema, isRequired = true): Row[] {
  if (schema.properties !== undefined) {
    const { required = [] } = schema
    return Object.entries(schema.properties).flatMap(([part, below]) =>
      rowsOf(`${name}.${part}`, below, required.includes(part)),
    )
  }
  const entry = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined
  if (entry !== undefined) {
    const place = schema.propertyNames?.enum === undefined ? '<name>' : '<environment>'
    return rowsOf(`${name}.${place}`, entry)
  }
  const maps = schema.anyOf?.filter(({ properties }) => properties !== undefined) ?? []
  if (maps.length > 0) return [{ name, schema, isRequired }, ...maps.flatMap((one) => rowsOf(name, one))]
  if (schema.items?.properties !== undefined) {
    return [{ name, schema, isRequired }, ...rowsOf(`${name}[]`, schema.items)]
  }
  const entries = schema.items?.anyOf ?? []
  return [{ name, schema, isRequired }, ...entries.flatMap((one) => rowsOf(`${name}[]`, one))]
}

function valueText(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${String(schema.const)}\``
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ')
  if (schema.anyOf !== undefined) {
    return schema.anyOf
      .map((one) =>
        one.properties === undefined ? valueText(one) : `a map with \`${Object.keys(one.properties)[0]}\``,
      )
      .join(' or ')
  }
  if (schema.items !== undefined) {
    const entries = schema.items.properties === undefined ? valueText(schema.items) : 'maps'
    return `list of ${entries}${schema.minItems === undefined ? '' : `, at least ${schema.minItems}`}`
  }
  if (schema.title !== undefined) return schema.title
  if (schema.type === 'boolean') return '`true` or `false`'
  if (schema.type === 'integer') {
    const isBounded = schema.maximum !== undefined && schema.maximum < Number.MAX_SAFE_INTEGER
    return `whole number from ${schema.minimum ?? 0}${isBounded ? ` to ${schema.maximum}` : ''}`
  }
  return schema.type === 'number' ? 'number' : 'text'
}

function defaultText(schema: JsonSchema, isRequired: boolean): string {
  if (schema.default === undefined) return isRequired ? 'required' : 'none'
  if (Array.isArray(schema.default) && schema.default.length === 0) return 'none'
  return `\`${typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default)}\``
}
