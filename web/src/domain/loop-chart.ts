/** What a control loop looks like: the value over the band it may move in, its error below, and late cycles between. */
import type { EChartsCoreOption } from 'echarts/core'
import { type Look, tooltipOf } from './chart-option'

type Point = [time: number, value: number | null]

export interface LoopCurves {
  value: readonly Point[]
  target: readonly Point[]
  /** Share of the target that the value may be off. */
  tolerance: number | null
  late: readonly { start: number; rise: number }[]
}

export interface LoopWords {
  time: (time: number) => string
  tick: (value: number) => string
  number: (value: number) => string
  value: string
  target: string
  error: string
  late: (n: number) => string
}

/** The error at each moment of the value, by the target that was in force then. */
export function errors(value: readonly Point[], target: readonly Point[]): Point[] {
  let at = 0
  let wanted: number | null = null
  return value.map(([time, actual]) => {
    for (let next = target[at]; next && next[0] <= time; next = target[++at]) wanted = next[1] ?? wanted
    const first: number | null = wanted ?? target[0]?.[1] ?? null
    return [time, actual === null || first === null ? null : actual - first]
  })
}

export function loopOption(
  curves: LoopCurves,
  span: { start: number; stop: number },
  look: Look,
  say: LoopWords,
): EChartsCoreOption {
  const text = { fontFamily: look.font, fontSize: look.root * 0.72, color: look.text }
  const x = { type: 'time', min: span.start, max: span.stop, splitNumber: 4, axisTick: { show: false } }
  const axisLine = { lineStyle: { color: look.line } }
  const y = {
    type: 'value',
    scale: true,
    axisLabel: { ...text, formatter: say.tick },
    splitLine: { lineStyle: { color: look.line } },
  }
  const left = look.root * 3.6
  const right = look.root * 0.6
  const share = curves.tolerance ?? 0
  const wanted = curves.target.filter((point): point is [number, number] => point[1] !== null)
  // the target holds until it is changed
  const last = wanted.at(-1)
  const held: Point[] = last ? [...wanted, [span.stop, last[1]]] : []
  const band = (of: (target: number) => number): Point[] => held.map(([time, target]) => [time, of(target ?? 0)])
  const hidden = { type: 'line', symbol: 'none', silent: true, step: 'end', stack: 'band', stackStrategy: 'all' }
  const line = { type: 'line', showSymbol: false }
  return {
    animation: false,
    textStyle: { fontFamily: look.font },
    grid: [
      { left, right, top: look.root * 0.5, height: '54%' },
      { left, right, bottom: look.root * 1.5, height: '22%' },
    ],
    xAxis: [
      { ...x, gridIndex: 0, axisLabel: { show: false }, axisLine },
      { ...x, gridIndex: 1, axisLine, axisLabel: { ...text, hideOverlap: true, formatter: say.time } },
    ],
    yAxis: [
      { ...y, gridIndex: 0, splitNumber: 3 },
      { ...y, gridIndex: 1, splitNumber: 2, scale: false },
    ],
    axisPointer: { link: [{ xAxisIndex: 'all' }] },
    tooltip: {
      trigger: 'axis',
      ...tooltipOf(look, text),
      formatter: (found: unknown) => tip(found as TipPoint[], say),
    },
    series: [
      { ...hidden, id: 'low', data: band((target) => target - Math.abs(share * target)), lineStyle: { opacity: 0 } },
      {
        ...hidden,
        id: 'band',
        data: band((target) => 2 * Math.abs(share * target)),
        lineStyle: { opacity: 0 },
        areaStyle: { color: look.curves[1], opacity: 0.14 },
      },
      {
        ...line,
        id: 'target',
        name: say.target,
        data: held,
        step: 'end',
        color: look.curves[1],
        lineStyle: { color: look.curves[1], width: look.root * 0.1, type: 'dashed' },
      },
      {
        ...line,
        id: 'value',
        name: say.value,
        data: curves.value,
        color: look.curves[0],
        lineStyle: { color: look.curves[0], width: look.root * 0.1 },
      },
      {
        ...line,
        id: 'error',
        name: say.error,
        xAxisIndex: 1,
        yAxisIndex: 1,
        data: errors(curves.value, held),
        color: look.curves[2],
        lineStyle: { color: look.curves[2], width: look.root * 0.09 },
        areaStyle: { color: look.curves[2], opacity: 0.12 },
      },
      {
        type: 'scatter',
        id: 'late',
        xAxisIndex: 1,
        yAxisIndex: 1,
        symbol: 'triangle',
        data: curves.late.map(({ start, rise }) => ({
          value: [start, 0, rise],
          symbolSize: look.root * Math.min(1.1, 0.5 + 0.12 * Math.sqrt(rise)),
        })),
        color: look.curves[3],
      },
    ],
  }
}

interface TipPoint {
  seriesId: string
  seriesName: string
  color: string
  value: [number, number | null, number?]
}

function tip(found: readonly TipPoint[], say: LoopWords): string {
  const time = found[0] ? say.time(found[0].value[0]) : ''
  const lines = found
    .filter((point) => ['value', 'target', 'error', 'late'].includes(point.seriesId))
    .map(({ seriesId, seriesName, color, value }) => {
      if (seriesId === 'late') return `<span style="color:${color}">&#9650;</span> ${escape(say.late(value[2] ?? 0))}`
      return value[1] === null
        ? ''
        : `<span style="color:${color}">&#9644;</span> ${escape(seriesName)} <b>${escape(say.number(value[1]))}</b>`
    })
  return [time, ...lines.filter(Boolean)].join('<br>')
}

/** Names come from configuration; the tooltip is HTML. */
const escape = (text: string) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
