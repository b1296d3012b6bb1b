/** What a trend looks like, as an option for the chart library: a line of means over a shade from lowest to highest. */
import type { EChartsCoreOption } from 'echarts/core'
import type { Curves } from './trend'

export interface Look {
  font: string
  /** Root font size in px; the chart scales with the page. */
  root: number
  text: string
  line: string
  raised: string
  strong: string
  curves: string[]
}

/** Read the look from the page's own custom properties, so that charts and page never differ. */
export function lookOf(element: HTMLElement): Look {
  const style = getComputedStyle(element)
  const property = (name: string) => style.getPropertyValue(name).trim()
  return {
    font: property('--font'),
    root: Number.parseFloat(style.fontSize),
    text: property('--text-3'),
    line: property('--line'),
    raised: property('--raised'),
    strong: property('--text'),
    curves: [1, 2, 3, 4, 5, 6].map((n) => property(`--curve-${n}`)),
  }
}

/** What stands under the pointer, in the colours of the page; `text` is the chart's own. */
export const tooltipOf = (look: Look, text: object) => ({
  confine: true,
  backgroundColor: look.raised,
  borderColor: look.line,
  textStyle: { ...text, color: look.strong },
})

export interface NamedCurves {
  name: string
  curves: Curves
  /** It is an earlier stretch of time, laid over curve number `of`: fainter, dotted, without a band. */
  baseline?: { of: number }
}

export interface Wording {
  time: (time: number, seconds: boolean) => string
  number: (value: number) => string
  tick: (value: number) => string
  unit: string
}

/** Lines differ in dash as well as in hue. */
const DASHES: readonly (string | number[])[] = ['solid', 'solid', 'dashed', 'dotted', [8, 3, 2, 3], [2, 6]]

export function trendOption(
  named: readonly NamedCurves[],
  span: { start: number; stop: number },
  look: Look,
  say: Wording,
): EChartsCoreOption {
  const size = look.root * 0.72
  const text = { fontFamily: look.font, fontSize: size, color: look.text }
  return {
    animation: false, // a live curve that eases in shows values that never were
    textStyle: { fontFamily: look.font },
    grid: {
      left: 2,
      right: look.root * 0.6,
      top: look.root * 0.5,
      bottom: 2,
      outerBoundsMode: 'same',
      outerBoundsContain: 'axisLabel',
    },
    xAxis: {
      type: 'time',
      min: span.start,
      max: span.stop,
      splitNumber: 4,
      axisLine: { lineStyle: { color: look.line } },
      axisTick: { show: false },
      axisLabel: { ...text, hideOverlap: true, formatter: (time: number) => say.time(time, false) },
    },
    yAxis: {
      type: 'value',
      scale: true,
      splitNumber: 3,
      axisLabel: { ...text, formatter: (value: number) => say.tick(value) },
      splitLine: { lineStyle: { color: look.line } },
    },
    tooltip: {
      trigger: 'axis',
      ...tooltipOf(look, text),
      axisPointer: { lineStyle: { color: look.text } },
      formatter: (points: unknown) => tip(points as TipPoint[], say),
    },
    series: named.flatMap((one, i) =>
      one.baseline ? [baselineSeries(one, one.baseline.of, look)] : curveSeries(one, i, look),
    ),
  }
}

function curveSeries({ name, curves }: NamedCurves, i: number, look: Look) {
  const color = look.curves[i % look.curves.length]
  const hidden = {
    type: 'line',
    symbol: 'none',
    silent: true,
    stack: `band ${i}`,
    stackStrategy: 'all',
    lineStyle: { opacity: 0 },
  }
  return [
    { ...hidden, id: `low ${i}`, data: curves.low },
    { ...hidden, id: `spread ${i}`, data: curves.spread, areaStyle: { color, opacity: 0.16 } },
    {
      type: 'line',
      id: `mean ${i}`,
      name,
      data: curves.mean,
      showSymbol: false,
      color,
      lineStyle: { color, width: look.root * 0.1, type: DASHES[i % DASHES.length] },
    },
  ]
}

function baselineSeries({ name, curves }: NamedCurves, of: number, look: Look) {
  const color = look.curves[of % look.curves.length]
  return {
    type: 'line',
    id: `mean before ${of}`,
    name,
    data: curves.mean,
    showSymbol: false,
    color,
    lineStyle: { color, opacity: 0.85, width: look.root * 0.09, type: [2, 2] },
  }
}

interface TipPoint {
  seriesName: string
  seriesId: string
  color: string
  value: [number, number | null]
}

function tip(points: readonly TipPoint[], say: Wording): string {
  const shown = points.filter((point) => point.seriesId.startsWith('mean') && point.value[1] !== null)
  const time = points[0] ? say.time(points[0].value[0], true) : ''
  const lines = shown.map(({ color, seriesName, value }) => {
    const mark = `<span style="color:${color}">&#9644;</span>`
    return `${mark} ${escape(seriesName)} <b>${say.number(value[1] ?? 0)}</b> ${escape(say.unit)}`
  })
  return [time, ...lines].join('<br>')
}

/** Names come from configuration; the tooltip is HTML. */
const escape = (text: string) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
