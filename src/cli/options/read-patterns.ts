import { readTextFile } from '../access/read-text-file.ts'

/** The patterns that were given one by one, then those of files: one a line, without empty lines and comments. */
export async function readPatterns(
  given: { readonly patterns: readonly string[] | undefined; readonly files: readonly string[] | undefined },
  signal: AbortSignal,
): Promise<string[]> {
  const texts = await Promise.all((given.files ?? []).map((file) => readTextFile(file, 'file of patterns', signal)))
  const lines = texts.flatMap((text) => text.split(/\r?\n/))
  return [...(given.patterns ?? []), ...lines.filter((line) => line.trim() !== '' && !line.startsWith('#'))]
}
