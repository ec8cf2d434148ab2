import { html, type HtmlText } from '../../base/html-text.ts'
import { formatMinute } from '../../model/age.ts'
import type { ReportFacts } from './report-facts.ts'

const headsMax = 40

/** Whether the ledger was verified, the keys, the heads of the time, and how anybody verifies it. */
export function signaturesSection({
  heads,
  period,
  keys,
  ledger,
  ledgerFault,
  headsCompared,
  entries,
  at,
}: ReportFacts): HtmlText {
  const inPeriod = heads.filter(({ signedAt }) => signedAt >= period.from && signedAt < period.until)
  const shown = inPeriod.slice(-headsMax)
  const said =
    ledgerFault === undefined
      ? html`<p>All ${entries.length} entries were verified when this was written (${formatMinute(at)} UTC): each follows the one before it and is covered by a signed head. Signed heads at the locations, which a ledger that was set back would have against it: ${headsCompared.join('; ') || 'not compared'}.</p>`
      : html`<p class="remedy">The ledger is not as it was recorded: ${ledgerFault}</p>`
  const rows = shown.map(
    ({ number, signedAt, sequence, hash, key, signature }) =>
      html`<tr><td class="number">${number}</td><td>${formatMinute(signedAt)}</td><td class="number">${sequence}</td><td><code>${hash.slice(0, 16)}…</code></td><td><code>${key}</code></td><td><code>${signature.slice(0, 16)}…</code></td></tr>`,
  )
  const more =
    inPeriod.length > shown.length
      ? html`<p class="note">The last ${shown.length} of ${inPeriod.length}.</p>`
      : undefined
  const table =
    rows.length === 0
      ? html`<p class="empty">No head was signed in this time.</p>`
      : html`<table><thead><tr><th>Head</th><th>Signed</th><th>Up to entry</th><th>Its hash</th><th>Key</th><th>Signature</th></tr></thead><tbody>${rows}</tbody></table>`
  return html`<section><h2>Signatures</h2>${said}<p class="note">Ledger <code>${ledger}</code>. Keys (Ed25519): ${keys.map((key) => html`<code>${key}</code> `)}. Verify it on any machine: <code>zakops-backup evidence export --to ledger.jsonl</code>, then <code>zakops-backup evidence verify ledger.jsonl --public-key evidence.pem</code>.</p>${more}${table}</section>`
}
