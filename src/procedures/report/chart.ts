import { html, type HtmlText } from '../../base/html-text.ts'

/** A point of a chart: a time, and how much. */
export interface ChartPoint {
  readonly at: Date
  readonly value: number
  readonly label: string
}

export interface Chart {
  readonly title: string
  readonly from: Date
  readonly until: Date
  readonly points: readonly ChartPoint[]
  /** A line that is not to be passed. */
  readonly target: number | undefined
  /** Values above the target by no more than this are not marked. */
  readonly grace?: number
  readonly form: 'line' | 'bars'
  readonly format: (value: number) => string
}

const [width, height] = [340, 132]
const area = { left: 48, right: 8, top: 8, bottom: 20 }

/** A chart as inline SVG: it needs nothing, prints, and names each value to whoever points at it or hears it. */
export function chartSvg(chart: Chart): HtmlText {
  const { points, target, from, until, format } = chart
  const top = niceMax(Math.max(target ?? 0, ...points.map(({ value }) => value)))
  const span = Math.max(1, until.getTime() - from.getTime())
  const x = (at: Date): number => {
    const part = (at.getTime() - from.getTime()) / span
    return round(area.left + Math.min(1, Math.max(0, part)) * (width - area.left - area.right))
  }
  const y = (value: number): number => round(height - area.bottom - (value / top) * (height - area.top - area.bottom))
  const grid = [0, 0.5, 1].map((part) => {
    const at = y(top * part)
    return html`<line class="grid" x1="${area.left}" x2="${width - area.right}" y1="${at}" y2="${at}"/><text x="${area.left - 5}" y="${at + 3}" text-anchor="end">${format(top * part)}</text>`
  })
  const ends = html`<text x="${area.left}" y="${height - 6}">${day(from)}</text><text x="${width - area.right}" y="${height - 6}" text-anchor="end">${day(new Date(until.getTime() - 1))}</text>`
  const limit =
    target === undefined
      ? undefined
      : html`<line class="target" x1="${area.left}" x2="${width - area.right}" y1="${y(target)}" y2="${y(target)}"><title>target ${format(target)}</title></line>`
  const empty = html`<text class="empty" x="${(width + area.left) / 2}" y="${height / 2}" text-anchor="middle">nothing in this time</text>`
  const drawn = points.length === 0 ? empty : chart.form === 'line' ? line(chart, x, y) : bars(chart, x, y)
  const said =
    points.length === 0
      ? 'nothing in this time'
      : `${points.length} values, the largest ${format(Math.max(...points.map(({ value }) => value)))}`
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${chart.title}: ${said}">${grid}${ends}${drawn}${limit}</svg>`
}

type Scale<Value> = (value: Value) => number

function line({ points, target, grace = 0 }: Chart, x: Scale<Date>, y: Scale<number>): HtmlText {
  const path = points.map(({ at, value }, index) => `${index === 0 ? 'M' : 'L'}${x(at)} ${y(value)}`).join('')
  const floor = y(0)
  const filled = `${path}L${x(points.at(-1)!.at)} ${floor}L${x(points[0]!.at)} ${floor}Z`
  const over = points.filter(({ value }) => target !== undefined && value > target + grace)
  const marks = over.map(
    ({ at, value, label }) =>
      html`<circle class="over" cx="${x(at)}" cy="${y(value)}" r="3"><title>${label}</title></circle>`,
  )
  return html`<path class="fill" d="${filled}"/><path class="line" d="${path}"/>${marks}`
}

function bars({ points }: Chart, x: Scale<Date>, y: Scale<number>): HtmlText {
  const barWidth = round(Math.min(10, Math.max(1.5, (width - area.left - area.right) / points.length - 2)))
  const drawn = points.map(({ at, value, label }) => {
    const [left, end] = [Math.min(x(at), width - area.right - barWidth), y(value)]
    return html`<rect class="bar" x="${round(left)}" y="${end}" width="${barWidth}" height="${Math.max(1, round(height - area.bottom - end))}"><title>${label}</title></rect>`
  })
  return html`${drawn}`
}

/** 1, 2 or 5 and zeros, so that the axis reads well. */
function niceMax(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * power).find((one) => one >= value * 1.02) ?? 10 * power
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}
