/**
 * A control chart as a picture: single values above, their moving ranges below, each with its centre line and its
 * zones of one, two and three standard deviations; points that complete a pattern are marked by shape.
 */
import type { EChartsCoreOption } from 'echarts/core'
import type { Charted, ChartSignal } from '../api-scene'
import { type Look, tooltipOf } from './chart-option'

export const RULE_SETS = ['western-electric', 'nelson'] as const
export type RuleSet = (typeof RULE_SETS)[number]
export const CHARTS = ['individuals', 'ranges'] as const
export type ChartName = (typeof CHARTS)[number]

/** One pattern for as long as it lasts: its first and last point, and how many points belong to it. */
export interface Episode {
  chart: ChartName
  rule: string
  name: ChartSignal['name']
  first: number
  last: number
  points: number
}

/** Patterns that go on from point to point are one episode each, the newest first. */
export function episodes(chart: ChartName, { signals }: Pick<Charted, 'signals'>, set: RuleSet): Episode[] {
  const found: Episode[] = []
  const newest = new Map<string, Episode>()
  for (const { at, points, rule, name } of signals.filter((one) => one.rule.startsWith(`${set}-`))) {
    const running = newest.get(rule)
    if (running && running.last >= at - 1) {
      running.last = at
      running.points = at - running.first + 1
      continue
    }
    const first = Math.min(at, ...points)
    const fresh = { chart, rule, name, first, last: at, points: at - first + 1 }
    newest.set(rule, fresh)
    found.push(fresh)
  }
  return found.sort((a, b) => b.last - a.last || a.first - b.first)
}

export const SHAPES = ['beyond', 'side', 'pattern'] as const
export type Shape = (typeof SHAPES)[number]
const BEYOND = new Set(['western-electric-1', 'nelson-1'])
const SIDE = new Set(['2', '3', '4'].map((n) => `western-electric-${n}`).concat(['nelson-2', 'nelson-5', 'nelson-6']))

/** What kind of pattern a rule finds: one point far off, a lasting shift to one side, or any other. */
export const shapeOf = (rule: string): Shape => (BEYOND.has(rule) ? 'beyond' : SIDE.has(rule) ? 'side' : 'pattern')
const SYMBOLS: Record<Shape, string> = { beyond: 'diamond', side: 'triangle', pattern: 'rect' }

/** The shape of every point that completes a pattern; one far off counts before a shift, a shift before the rest. */
export function marked({ signals }: Pick<Charted, 'signals'>, set: RuleSet): Map<number, Shape> {
  const found = new Map<number, Shape>()
  for (const { at, rule } of signals) {
    if (!rule.startsWith(`${set}-`)) continue
    const [shape, known] = [shapeOf(rule), found.get(at)]
    if (known === undefined || SHAPES.indexOf(shape) < SHAPES.indexOf(known)) found.set(at, shape)
  }
  return found
}

export interface ChartWords {
  time: (time: number) => string
  tick: (value: number) => string
  number: (value: number) => string
  say: (text: ChartSignal['name']) => string
}

/** Level lines of a chart: how many standard deviations off the centre, and at which value. */
export function zones({ centre, lower, upper }: Pick<Charted, 'centre' | 'lower' | 'upper'>): [number, number][] {
  if (centre === null || upper === null) return []
  const sigma = (upper - centre) / 3
  const floor = lower ?? -Infinity
  const inner = [-2, -1, 1, 2].map((k): [number, number] => [k, centre + k * sigma])
  const kept = inner.filter(([, value]) => value > floor)
  return [...(lower === null ? [] : [[-3, lower] as [number, number]]), [0, centre], ...kept, [3, upper]]
}

export function controlOption(
  charts: Record<ChartName, Charted>,
  set: RuleSet,
  span: { start: number; stop: number },
  look: Look,
  words: ChartWords,
): EChartsCoreOption {
  const text = { fontFamily: look.font, fontSize: look.root * 0.72, color: look.text }
  const axisLine = { lineStyle: { color: look.line } }
  const [left, right] = [look.root * 3.6, look.root * 2.4]
  const x = { type: 'time', min: span.start, max: span.stop, splitNumber: 4, axisTick: { show: false }, axisLine }
  const y = { type: 'value', scale: true, axisLabel: { ...text, formatter: words.tick }, splitLine: { show: false } }
  return {
    animation: false,
    textStyle: { fontFamily: look.font },
    grid: [
      { left, right, top: look.root * 0.6, height: '52%' },
      { left, right, bottom: look.root * 1.5, height: '26%' },
    ],
    xAxis: [
      { ...x, gridIndex: 0, axisLabel: { show: false } },
      { ...x, gridIndex: 1, axisLabel: { ...text, hideOverlap: true, formatter: words.time } },
    ],
    yAxis: [
      { ...y, gridIndex: 0, splitNumber: 4 },
      { ...y, gridIndex: 1, splitNumber: 2, min: 0 },
    ],
    tooltip: {
      trigger: 'item',
      ...tooltipOf(look, text),
      formatter: ({ seriesId, dataIndex }: { seriesId: ChartName; dataIndex: number }) =>
        tip(charts[seriesId], dataIndex, set, words),
    },
    series: CHARTS.flatMap((name, i) => seriesOf(name, i, { charted: charts[name], set, span, look, text })),
  }
}

interface Drawn {
  charted: Charted
  set: RuleSet
  span: { start: number; stop: number }
  look: Look
  text: object
}

function seriesOf(name: ChartName, i: number, { charted, set, span, look, text }: Drawn): object[] {
  const at = { xAxisIndex: i, yAxisIndex: i }
  const marks = marked(charted, set)
  const level = zones(charted).map(([sigmas, value]) => ({
    ...at,
    type: 'line',
    id: `${name} ${sigmas}`,
    silent: true,
    symbol: 'none',
    data: [span.start, span.stop].map((time) => [time, value]),
    lineStyle: levelStyle(sigmas, look),
    endLabel: {
      show: Math.abs(sigmas) % 3 === 0,
      ...text,
      formatter: () => (sigmas === 0 ? 'CL' : sigmas > 0 ? 'UCL' : 'LCL'),
    },
  }))
  return [
    ...level,
    {
      ...at,
      type: 'line',
      id: name,
      data: charted.time.map((time, n) => {
        const shape = marks.get(n)
        const point = { value: [time, charted.value[n]] }
        if (shape === undefined) return { ...point, symbolSize: look.root * 0.22 }
        const itemStyle = { color: look.curves[3], borderColor: look.raised, borderWidth: 1 }
        return { ...point, symbol: SYMBOLS[shape], symbolSize: look.root * 0.7, itemStyle }
      }),
      showAllSymbol: true,
      symbol: 'circle',
      color: look.curves[0],
      lineStyle: { color: look.curves[0], width: look.root * 0.06 },
    },
  ]
}

function levelStyle(sigmas: number, look: Look): object {
  if (sigmas === 0) return { color: look.curves[1], width: look.root * 0.1 }
  if (Math.abs(sigmas) === 3) return { color: look.curves[1], width: look.root * 0.1, type: 'dashed' }
  return { color: look.text, width: look.root * 0.07, type: 'dotted' }
}

function tip(charted: Charted | undefined, at: number, set: RuleSet, words: ChartWords): string {
  const [time, value] = [charted?.time[at], charted?.value[at]]
  if (!charted || time === undefined || value === undefined) return ''
  const rules = charted.signals.filter((one) => one.at === at && one.rule.startsWith(`${set}-`))
  return [
    words.time(time),
    `<b>${escape(words.number(value))}</b>`,
    ...rules.map((one) => escape(words.say(one.name))),
  ].join('<br>')
}

/** Names come from configuration; the tooltip is HTML. */
const escape = (words: string) => words.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
