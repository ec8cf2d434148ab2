import encodeQr from 'qr'
import { html, HtmlText } from '../../../base/html-text.ts'
import type { KitFacts, KitResticKey, MadeShare } from '../../../keys/recovery-kit.ts'

/** What the pages of a kit say besides its shares. */
export interface KitGuide {
  readonly facts: KitFacts
  readonly restic: readonly KitResticKey[]
  readonly version: string
}

/** What a holder must know, a paragraph each: the same on the page and in the text file. */
export function guideSteps({ facts, restic, version }: KitGuide): readonly (readonly [string, string])[] {
  const { places, threshold, environment } = facts
  const offSite = places.secondary ?? places.primary
  return [
    [
      'Keep it',
      `Lock it away, apart from the other shares and from the backups. Alone it opens nothing: ${threshold} of ${facts.shares} must come together. Do not photograph or mail it. If it is lost, tell Security: a new kit is made and this one is worthless.`,
    ],
    [
      'Where the backups are',
      `Off-site: ${offSite}, below "${environment}/<generation>/repository". On site: ${places.primary}.`,
    ],
    [
      'Install',
      `On a fresh Linux machine with Node 24 install this program, version ${version} or later, from the copy that your organisation keeps: npm install --global ./zakops-backup-${version}.tgz. Take it from nowhere else: whoever gives you another program of this name gets all keys. Bring ${threshold} share files together: the .txt files, or what the QR codes of the pages say, or the words of a page typed into a file beside one whole share file.`,
    ],
    [
      'Recover everything',
      'zakops-backup keys kit open --share FILE --share FILE … --policy-to zakops-backup.yaml writes the policy of the day on which this kit was made. Put the off-site location where it says. zakops-backup keys import --share FILE --share FILE … brings the keys back. zakops-backup procedure run recovery-drill --into FOLDER --share FILE --share FILE … then restores every source step by step, and tells where it stays.',
    ],
    [
      'With restic instead',
      'Copy the repository to a disk. zakops-backup keys kit open --share FILE … --into COPY sets a password, and stock restic opens the copy.',
    ],
    [
      'Without this program',
      `Put the shares together with any tool for Shamir's scheme over GF(2^8) with the polynomial 0x11b, byte by byte: the last byte of each share (fourth field of its ZKS1 line, hex) is its x, the 32 before it are y. The 32 bytes at x = 0, as 64 hex digits, are a restic password. Join the fifth fields of the ZKK1 lines in order and decode the base64: its JSON holds restic keys (${restic.map(({ generation }) => `generation ${generation}`).join(', ') || 'none'}). Write "text" to keys/<id> in a copy of that generation's repository, and open it: restic -r COPY snapshots.`,
    ],
  ]
}

/** A share as a text file, which is also what the commands read. */
export function shareText(share: MadeShare, guide: KitGuide): string {
  const { facts } = guide
  const steps = guideSteps(guide).map(([title, text]) => `${title}\n  ${text}`)
  return [
    `ZAKOPS BACKUP - RECOVERY KIT ${facts.kit} - SHARE ${share.number} OF ${facts.shares}`,
    `${facts.threshold} of ${facts.shares} shares open the backups of ${facts.environment}. Made ${facts.createdAt.toISOString()}.`,
    ...steps,
    ['The share, and the sealed keys that it helps to open:', ...share.lines].join('\n'),
    `The share again, as words:\n${share.words.join(' ')}`,
    '',
  ].join('\n\n')
}

/** A share as a page to print: one sheet for the holder, QR codes of every line behind it. No scripts, nothing from outside. */
export function sharePage(share: MadeShare, guide: KitGuide): string {
  const { facts } = guide
  const [own, ...sealed] = share.lines
  const title = `Recovery kit ${facts.kit}, share ${share.number} of ${facts.shares}`
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="robots" content="noindex"><title>${title}</title><style>${new HtmlText(style)}</style></head><body>
<header><p class="brand">ZakOps Backup · Recovery kit</p><h1>Share ${share.number} <small>of ${facts.shares}</small></h1>
<p class="lead">Any <strong>${facts.threshold}</strong> of ${facts.shares} shares together open the backups of
<strong>${facts.environment}</strong>, even if every computer is lost.</p>
<table><tr><th>Kit</th><td><code>${facts.kit}</code></td><th>Made</th><td>${facts.createdAt.toISOString().slice(0, 10)}</td></tr>
<tr><th>Holder</th><td class="blank"></td><th>Received</th><td class="blank"></td></tr></table></header>
<section class="share"><figure>${qrCode(own!)}<figcaption>The share</figcaption></figure>
<div><h2>The share as words</h2><ol>${share.words.map((word) => html`<li>${word}</li>`)}</ol></div></section>
<section class="guide">${guideSteps(guide).map(([heading, text]) => html`<div><h2>${heading}</h2><p>${text}</p></div>`)}</section>
<section class="sealed"><h2>The sealed keys</h2><p>Every share carries the same ones. Scan all ${sealed.length}, in any order, into
one text file with the code of the share above: that is a share file.</p>
<div class="codes">${sealed.map((line, at) => html`<figure>${qrCode(line)}<figcaption>${at + 1} of ${sealed.length}</figcaption></figure>`)}</div></section>
</body></html>
`
  return page.text
}

function qrCode(text: string): HtmlText {
  // Its SVG is made of numbers only; nothing of the text stands in it.
  return new HtmlText(encodeQr(text, 'svg', { ecc: 'low', border: 2 }))
}

const style = `
:root{color-scheme:light dark;--ink:#1b2430;--soft:#5b6675;--line:#d5dbe3;--paper:#fff;--accent:#0b6e4f}
@media (prefers-color-scheme:dark){:root{--ink:#e7ecf2;--soft:#9aa7b6;--line:#364150;--paper:#12171e;--accent:#4fc79a}}
*{box-sizing:border-box}body{margin:0 auto;max-width:190mm;padding:12mm 8mm;background:var(--paper);color:var(--ink);font:10.5pt/1.45 system-ui,sans-serif}
.brand{margin:0;color:var(--accent);font-weight:600;letter-spacing:.04em}h1{margin:0;font-size:30pt;line-height:1.1}h1 small{font-size:15pt;color:var(--soft);font-weight:400}
h2{margin:0 0 1mm;font-size:10.5pt}.lead{font-size:12pt;margin:2mm 0 4mm}table{width:100%;border-collapse:collapse}th,td{border:1px solid var(--line);padding:1.5mm 2.5mm;text-align:left}th{color:var(--soft);font-weight:500;width:20mm}.blank{width:55mm}
.share{display:flex;gap:7mm;align-items:flex-start;margin:6mm 0;break-inside:avoid}.share figure{flex:0 0 52mm}.share div{flex:1}figure{margin:0;text-align:center}
figcaption{color:var(--soft);font-size:8.5pt}svg{width:100%;height:auto;background:#fff;display:block;shape-rendering:crispEdges}
ol{columns:3;margin:0;padding-left:8mm;font:600 10.5pt/1.6 ui-monospace,monospace}ol li::marker{color:var(--soft);font-weight:400}
.guide{display:grid;grid-template-columns:1fr 1fr;gap:3.5mm 7mm;border-top:1px solid var(--line);padding-top:4mm}.guide p{margin:0;font-size:9pt;overflow-wrap:anywhere}.guide div:last-child{grid-column:1/-1}
.sealed{break-before:page;padding-top:6mm}.codes{display:grid;grid-template-columns:repeat(auto-fill,minmax(82mm,1fr));gap:6mm}.codes figure{break-inside:avoid}
@media print{:root{--ink:#000;--soft:#444;--line:#999;--paper:#fff;--accent:#0b6e4f}body{padding:0;max-width:none}@page{size:A4;margin:14mm}}
`
