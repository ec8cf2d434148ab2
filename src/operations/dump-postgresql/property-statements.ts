import type { DatabaseProperties } from '../../model/postgresql-dump.ts'

/** Settings whose value is a list of names, each in quotation marks of its own where it needs them. */
const lists: ReadonlySet<string> = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
])

/** The statements that give a new database these properties. Rights are granted by its owner, whoever granted them before. */
export function propertyStatements(
  database: string,
  owner: string,
  { connectionLimit, isTemplate, comment, settings, grants }: DatabaseProperties,
): string[] {
  const name = quoteName(database)
  const statements = settings.flatMap(({ role, values }) =>
    values.map((text) => {
      const target = role === null ? `DATABASE ${name}` : `ROLE ${quoteName(role)} IN DATABASE ${name}`
      return `ALTER ${target} SET ${settingWords(text)}`
    }),
  )
  if (comment !== null) statements.push(`COMMENT ON DATABASE ${name} IS ${quoteText(comment)}`)
  if (grants !== null) {
    for (const from of ['PUBLIC', quoteName(owner)]) statements.push(`REVOKE ALL ON DATABASE ${name} FROM ${from}`)
    for (const { role, right, mayGrant } of grants) {
      const to = role === null ? 'PUBLIC' : quoteName(role)
      statements.push(`GRANT ${right} ON DATABASE ${name} TO ${to}${mayGrant ? ' WITH GRANT OPTION' : ''}`)
    }
  }
  if (connectionLimit >= 0) statements.push(`ALTER DATABASE ${name} CONNECTION LIMIT ${connectionLimit}`)
  if (isTemplate) statements.push(`ALTER DATABASE ${name} IS_TEMPLATE true`)
  return statements
}

/** Of "name=value": `"name" TO 'value'`. */
function settingWords(text: string): string {
  const at = text.indexOf('=')
  const [name, value] = [text.slice(0, at), text.slice(at + 1)]
  // A setting of an extension has two parts; none of the names has a quotation mark in it.
  const words = name.split('.').map(quoteName).join('.')
  if (!lists.has(name.toLowerCase())) return `${words} TO ${quoteText(value)}`
  const items = [...value.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,"\s][^,]*))\s*(?:,|$)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain!.trim(),
  )
  return `${words} TO ${items.length === 0 ? "''" : items.map(quoteText).join(', ')}`
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Right whatever the server takes backslashes for. */
export function quoteText(text: string): string {
  const quoted = text.replaceAll("'", "''")
  return quoted.includes('\\') ? ` E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`
}
