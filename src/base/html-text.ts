/** A text that is HTML already: what html`` makes. */
export class HtmlText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toString(): string {
    return this.text
  }
}

type HtmlValue = string | number | HtmlText | undefined | readonly (HtmlText | string)[]

/** HTML with values in it: whatever is not HtmlText is escaped, for text and for quoted attributes alike; undefined is nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): HtmlText {
  return new HtmlText(parts.reduce((text, part, at) => text + rendered(values[at - 1]) + part))
}

function rendered(value: HtmlValue): string {
  if (value === undefined) return ''
  if (value instanceof HtmlText) return value.text
  if (typeof value === 'object') return value.map((one) => rendered(one)).join('')
  return escapeHtml(String(value))
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Control characters, which no page shows, become a mark, so that nothing hides behind them. */
function escapeHtml(text: string): string {
  return text
    .replace(/[&<>"']/g, (character) => escapes[character]!)
    .replace(/[\0-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/g, '\uFFFD')
}
