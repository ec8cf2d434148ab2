import assert from 'node:assert/strict'
import { test } from 'node:test'
import { html } from './html-text.ts'

test('html`` escapes values in text and attributes, keeps what is HTML, and joins lists', () => {
  const evil = `<script>alert("1")</script>'&\u0000\u202E`
  const page = html`<a title="${evil}">${evil}${html`<b>${1}</b>`}${[html`<i></i>`, '<']}${undefined}</a>`
  const escaped = '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;\uFFFD\uFFFD'
  assert.equal(String(page), `<a title="${escaped}">${escaped}<b>1</b><i></i>&lt;</a>`)
})
