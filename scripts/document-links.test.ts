import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brokenLinks } from './document-links.ts'

const documents = [
  {
    path: 'README.md',
    text: '# The name\n[a](docs/a.md#second-part) [b](docs/b.md) [c](#the-name) [web](https://example.org/x)\n',
  },
  { path: 'docs/a.md', text: '## Second part\n[up](../README.md) `[no](link.md)`\n' },
]

test('brokenLinks() finds nothing where each file and heading is there', () => {
  assert.deepEqual(
    brokenLinks(documents, (path) => path === 'docs/b.md'),
    [],
  )
})

test('brokenLinks() names a missing file and a missing heading', () => {
  const broken = [...documents, { path: 'x.md', text: '[a](docs/gone.md) [b](docs/a.md#gone)' }]
  assert.deepEqual(
    brokenLinks(broken, (path) => path === 'docs/b.md'),
    [
      'x.md: link to "docs/gone.md": there is no such file',
      'x.md: link to "docs/a.md#gone": that file has no such heading',
    ],
  )
})
