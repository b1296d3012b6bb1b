/**
 * The distribution of delays as a picture: delay on a logarithmic axis, and upwards the share of packets
 * that came within it, drawn so that 90 %, 99 % and 99.9 % are equally far apart. A curve that ends below
 * the top has lost packets: these never come.
 */
import type { EChartsCoreOption } from 'echarts/core'
import { type Look, tooltipOf } from './chart-option'

/** Height of a share: one more nine is one further up. */
export const nines = (share: number): number => Math.abs(Math.log10(Math.max(1 - share, 1e-6)))

/** The share at a height. */
export const shareAt = (height: number): number => 1 - 10 ** -height

/** Where a curve that reaches 100 % is drawn: one more nine than the packets can show. */
export function topOf(packets: number): number {
  return Math.max(2, Math.ceil(Math.log10(Math.max(packets, 1)) + 1e-9))
}

export interface DelayCurve {
  name: string
  packets: number
  delay: readonly number[]
  share: readonly number[]
}

/** Points of one curve; the last packet has no nine of its own, it is drawn at the top. */
export function points(curve: DelayCurve): [delay: number, height: number][] {
  const top = topOf(curve.packets)
  return curve.delay.map((delay, i) => [Math.max(delay, 1e-3), Math.min(top, nines(curve.share[i] ?? 0))])
}

/** From where to where a curve matters; the quickest packets in a hundred would only push the rest together. */
function reach({ delay, share }: DelayCurve): number[] {
  const first = delay[share.findIndex((one) => one >= QUICKEST)] ?? delay[0]
  const last = delay.at(-1)
  return [first, last].flatMap((one) => (one !== undefined && one > 0 ? [one] : []))
}

const QUICKEST = 0.01

export interface DelayWords {
  tick: (milliseconds: number) => string
  percent: (share: number) => string
  bound: string
}

const DASHES: readonly (string | number[])[] = ['solid', 'dashed', 'dotted', [8, 3, 2, 3], [2, 6], 'solid']

export function delayOption(
  curves: readonly DelayCurve[],
  bound: number | null,
  look: Look,
  say: DelayWords,
): EChartsCoreOption {
  const size = look.root * 0.72
  const text = { fontFamily: look.font, fontSize: size, color: look.text }
  const drawn = curves.map(points)
  const ends = [...curves.flatMap(reach), ...(bound === null ? [] : [bound])]
  const top = Math.max(...curves.map((curve) => topOf(curve.packets)), 2)
  return {
    animation: false,
    textStyle: { fontFamily: look.font },
    grid: {
      left: 2,
      right: look.root,
      top: look.root,
      bottom: 2,
      outerBoundsMode: 'same',
      outerBoundsContain: 'axisLabel',
    },
    xAxis: {
      type: 'log',
      min: 10 ** Math.floor(Math.log10(Math.min(...ends, 1))),
      max: 10 ** Math.ceil(Math.log10(Math.max(...ends, 10))),
      axisLabel: { ...text, formatter: (value: number) => say.tick(value) },
      axisLine: { lineStyle: { color: look.line } },
      splitLine: { show: true, lineStyle: { color: look.line } },
      minorSplitLine: { show: false },
    },
    yAxis: {
      type: 'value',
      min: 0,
      max: top,
      interval: 1,
      axisLabel: { ...text, formatter: (height: number) => say.percent(shareAt(height)) },
      splitLine: { lineStyle: { color: look.line } },
    },
    tooltip: {
      trigger: 'item',
      ...tooltipOf(look, text),
      formatter: (point: { value: [number, number]; seriesName: string }) =>
        `${escape(point.seriesName)}<br>${say.percent(shareAt(point.value[1]))} ≤ <b>${say.tick(point.value[0])}</b>`,
    },
    series: [
      ...curves.map((curve, i) => ({
        type: 'line',
        id: `curve ${i}`,
        name: curve.name,
        data: drawn[i],
        step: 'end',
        showSymbol: false,
        symbolSize: 3,
        color: look.curves[i % look.curves.length],
        lineStyle: {
          color: look.curves[i % look.curves.length],
          width: look.root * 0.12,
          type: DASHES[i % DASHES.length],
        },
      })),
      ...(bound === null
        ? []
        : [
            {
              type: 'line',
              id: 'bound',
              name: say.bound,
              silent: true,
              symbol: 'none',
              data: [
                [bound, 0],
                [bound, top],
              ],
              lineStyle: { color: look.strong, width: look.root * 0.14 },
              endLabel: { show: true, formatter: () => say.bound, ...text, color: look.strong, align: 'left' },
            },
          ]),
    ],
  }
}

/** Names come from configuration; the tooltip is HTML. */
const escape = (words: string) => words.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
