/** The text of anything that was thrown, with the causes behind it: "outer: inner: innermost". */
export function errorMessage(error: unknown): string {
  const parts: string[] = []
  const depthMax = 5 // A cause chain may be circular.
  for (let next = error, depth = 0; next !== undefined && next !== null && depth < depthMax; depth++) {
    const text = next instanceof Error ? next.message : typeof next === 'string' ? next : JSON.stringify(next)
    if (text !== undefined && text !== '' && !parts.some((part) => part.includes(text))) parts.push(text)
    next = next instanceof Error ? next.cause : undefined
  }
  return parts.join(': ')
}
