import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { LocatedFile } from './located-file.ts'
import { filesOfSpan, fileToWrite, planWrite } from './write-plan.ts'

const spanBytes = 4 * 1024 * 1024

/** Each entry of the index is a blob of 1 MiB; eight of them fill a pack. */
const index = {
  packNumber: (entry: number): number => entry >> 3,
  offset: (entry: number): number => (entry & 7) * (spanBytes / 4),
  length: (): number => spanBytes / 4,
  plaintextLength: (): number => spanBytes / 4,
}

function located(name: string, entries: readonly number[]): LocatedFile {
  return {
    path: `/${name}`,
    node: { name, type: 'file', uid: 0, gid: 0, content: [] },
    directory: [],
    isNew: true,
    size: entries.length * 10,
    content: entries.map(String),
    entries,
    lengths: entries.map(() => 10),
    offsets: entries.map((_, at) => at * 10),
  }
}

test('fileToWrite() writes all of a file anew, or the blobs that are wrong where they belong', () => {
  const file = located('a', [7, 8, 7])
  assert.deepEqual(fileToWrite(file, 'all'), { file, content: 'new', entries: [7, 8, 7], offsets: [0, 10, 20] })
  assert.deepEqual(fileToWrite(file, [2]), { file, content: 'keep', entries: [7], offsets: [20] })
  assert.deepEqual(fileToWrite(file, []), { file, content: 'keep', entries: [], offsets: [] })
})

test('planWrite() calls a file whole where one span brings all of it, and makes the others in parts', () => {
  const files = [
    fileToWrite(located('one', [0, 1, 0]), 'all'),
    fileToWrite(located('two packs', [1, 8]), 'all'),
    fileToWrite(located('two spans', [2, 5]), 'all'),
    fileToWrite(located('mended', [0, 1]), [1]),
    fileToWrite(located('too long', [0]), []),
    fileToWrite(located('empty', []), 'all'),
  ]
  const { isWhole, inParts, empty } = planWrite(files, index)
  assert.deepEqual(isWhole, [true, false, false, false, false, false])
  assert.deepEqual(inParts, [1, 2, 3, 4])
  assert.deepEqual(empty, [5])
})

const anyFiles = fc.array(
  fc.record({ entries: fc.array(fc.nat(30), { maxLength: 6 }), failed: fc.boolean(), keeps: fc.boolean() }),
  { maxLength: 12 },
)

test('filesOfSpan() numbers the whole files first, and leaves no write out but those of files that are left out', () => {
  fc.assert(
    fc.property(anyFiles, (shapes) => {
      const files = shapes.map(({ entries, keeps }, number) => {
        const file = located(`${number}`, entries)
        return fileToWrite(file, keeps ? [...entries.keys()].filter((at) => at % 2 === 0) : 'all')
      })
      const except = new Set([...shapes.keys()].filter((number) => shapes[number]!.failed))
      const { spans, isWhole } = planWrite(files, index)
      const found: string[] = []
      for (const span of spans) {
        const { numbers, wholeCount, blobs } = filesOfSpan(span, isWhole, except)
        assert.equal(new Set(numbers).size, numbers.length)
        assert.ok(numbers.every((number, place) => isWhole[number] === place < wholeCount && !except.has(number)))
        for (const { entry, writes } of blobs) {
          assert.ok(writes.length > 0)
          for (let at = 0; at < writes.length; at += 2) {
            found.push(`${entry} ${numbers[writes[at]!]} ${writes[at + 1]}`)
          }
        }
      }
      const wanted = files.flatMap(({ entries, offsets }, number) =>
        except.has(number) ? [] : entries.map((entry, at) => `${entry} ${number} ${offsets[at]}`),
      )
      assert.deepEqual(found.toSorted(), wanted.toSorted())
      const spansOf = files.map(
        (_, number) => spans.filter((span) => filesOfSpan(span, isWhole, new Set()).numbers.includes(number)).length,
      )
      for (const [number, { content }] of files.entries()) {
        assert.equal(isWhole[number], content === 'new' && spansOf[number] === 1)
      }
    }),
  )
})
