/**
 * The statements of a script that pg_dumpall wrote, without comments and without what is meant for psql. Semicolons in
 * literals ('…', E'…' with backslashes) and in quoted names end nothing.
 */
export function sqlStatements(script: string): string[] {
  const statements: string[] = []
  let statement = ''
  const part = /--[^\n]*|\\[^\n]*|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|;|[^\s;'"\\-]+|\s+|./gsu
  for (const [text] of script.matchAll(part)) {
    const isAside = text.startsWith('--') || (text.startsWith('\\') && statement.trim() === '')
    if (isAside) continue
    if (text !== ';') {
      statement += text
      continue
    }
    if (statement.trim() !== '') statements.push(statement.trim())
    statement = ''
  }
  if (statement.trim() !== '') statements.push(statement.trim())
  return statements
}
