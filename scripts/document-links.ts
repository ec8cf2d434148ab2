import { existsSync } from 'node:fs'
import { posix } from 'node:path'
import type { SourceFile } from './floors.ts'

/**
 * Relative links in Markdown that lead nowhere: to a file that is not there, or to a heading that its file has
 * not. Links to the web are not followed.
 */
export function brokenLinks(
  documents: readonly SourceFile[],
  exists: (path: string) => boolean = existsSync,
): string[] {
  const texts = new Map(documents.map(({ path, text }) => [path, text]))
  return documents.flatMap(({ path, text }) =>
    [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)]
      .map((match) => match[1]!)
      .filter((link) => !/^[a-z]+:/.test(link))
      .flatMap((link) => {
        const [file = '', heading] = link.split('#')
        const target = file === '' ? path : posix.normalize(posix.join(posix.dirname(path), file))
        if (!texts.has(target) && !exists(target)) return [`${path}: link to "${link}": there is no such file`]
        const targetText = texts.get(target)
        if (heading === undefined || targetText === undefined || headings(targetText).includes(heading)) return []
        return [`${path}: link to "${link}": that file has no such heading`]
      }),
  )
}

function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')
}

/** Anchors as GitHub makes them from headings. */
function headings(text: string): string[] {
  return [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.*)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
