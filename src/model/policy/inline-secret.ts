/**
 * Says whether a URL holds a password: before its "@", or as a parameter. Everything before the last "@" counts, since
 * programs differ in where they end the password; a database with "@" in its name is written with %40.
 */
export function hasInlineSecret(url: string): boolean {
  const [, rest] = /^[a-z][a-z0-9+.-]*:\/\/(.*)$/is.exec(url) ?? []
  if (rest === undefined) return false
  const beforeQuery = rest.split('?', 1)[0]!
  const user = beforeQuery.slice(0, Math.max(0, beforeQuery.lastIndexOf('@')))
  if (user.includes(':')) return true
  const query = new URLSearchParams(rest.slice(beforeQuery.length))
  return [...query.keys()].some((name) => /password|secret/i.test(name))
}
