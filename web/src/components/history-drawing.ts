/** How a tag's past is put on a canvas; where everything lies is in a `Frame`, in device pixels. */
import type { History } from '../api'
import type { Doubt } from '../domain/doubt'
import type { Range } from '../domain/zoom'

export interface Frame {
  width: number
  left: number
  right: number
  top: number
  bottom: number
  root: number
  ratio: number
  x: (time: number) => number
  y: (value: number) => number
  ticks: number[]
}

/** Lowest and highest value in it, or null where there is no number at all. */
export function bounds(history: History): [low: number, high: number] | null {
  let low = Infinity
  let high = -Infinity
  for (const value of history.minimum) if (value !== null && value < low) low = value
  for (const value of history.maximum) if (value !== null && value > high) high = value
  return low <= high ? [low, high] : null
}

export function frameOf(
  sheet: { width: number; height: number; root: number; ratio: number },
  range: Range,
  reach: [number, number] | null,
): Frame {
  const { width, height, root, ratio } = sheet
  const [low, high] = reach ?? [0, 1]
  const pad = high > low ? (high - low) * 0.06 : Math.abs(high) * 0.05 || 1
  const [floor, ceiling] = [low - pad, high + pad]
  const left = root * 3.4
  const right = width - root * 0.6
  const top = root * 0.4
  const bottom = height - root * 2
  return {
    width,
    left,
    right,
    top,
    bottom,
    root,
    ratio,
    x: (time) => left + ((time - range.start) / (range.stop - range.start)) * (right - left),
    y: (value) => bottom - ((value - floor) / (ceiling - floor)) * (bottom - top),
    ticks: reach ? roundTicks(floor, ceiling, 6) : [],
  }
}

/** Round values between two others, about `most` of them. */
function roundTicks(low: number, high: number, most: number): number[] {
  const rough = (high - low) / most
  const size = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5, 10].find((n) => n * size >= rough) ?? 10) * size
  const ticks = []
  for (let n = Math.ceil(low / step); n * step <= high; n++) ticks.push(n * step)
  return ticks
}

interface Drawn {
  history: History
  /** Silence (ms) that a curve may run across. */
  bridge: number
  times: number[]
  time: (time: number) => string
  tick: (value: number) => string
}

export function drawLines(draw: CanvasRenderingContext2D, frame: Frame, style: CSSStyleDeclaration, what: Drawn): void {
  drawGrid(draw, frame, style, what)
  const color = style.getPropertyValue('--curve-1').trim()
  for (const run of runs(what.history, what.bridge)) {
    const at = (i: number) => frame.x(middle(what.history, i))
    const trace = (value: (i: number) => number, order: number[]) => {
      for (const i of order) draw.lineTo(at(i), frame.y(value(i)))
    }
    draw.beginPath()
    trace((i) => what.history.maximum[i] ?? 0, run)
    trace((i) => what.history.minimum[i] ?? 0, [...run].reverse())
    draw.globalAlpha = 0.25
    draw.fillStyle = color
    draw.fill()
    draw.globalAlpha = 1
    draw.beginPath()
    trace((i) => what.history.mean[i] ?? 0, run)
    draw.strokeStyle = color
    draw.lineWidth = frame.root * 0.1
    draw.lineJoin = 'round'
    draw.stroke()
    // one bucket alone has no line; a dot shows it
    if (run.length === 1) {
      draw.fillStyle = color
      draw.fillRect(
        at(run[0]!) - frame.ratio,
        frame.y(what.history.mean[run[0]!] ?? 0) - frame.ratio,
        3 * frame.ratio,
        3 * frame.ratio,
      )
    }
  }
}

function drawGrid(draw: CanvasRenderingContext2D, frame: Frame, style: CSSStyleDeclaration, what: Drawn): void {
  draw.fillStyle = style.getPropertyValue('--text-3').trim()
  draw.strokeStyle = style.getPropertyValue('--line').trim()
  draw.lineWidth = frame.ratio
  draw.textBaseline = 'middle'
  draw.textAlign = 'right'
  draw.beginPath()
  for (const value of frame.ticks) {
    const y = Math.round(frame.y(value)) + frame.ratio / 2
    draw.moveTo(frame.left, y)
    draw.lineTo(frame.right, y)
    draw.fillText(what.tick(value), frame.left - frame.root * 0.4, y)
  }
  draw.textAlign = 'center'
  for (const time of what.times) {
    const x = Math.round(frame.x(time))
    draw.moveTo(x, frame.bottom)
    draw.lineTo(x, frame.bottom + frame.root * 0.3)
    const text = what.time(time)
    const half = draw.measureText(text).width / 2
    draw.fillText(text, Math.min(frame.width - half, Math.max(half, x)), frame.bottom + frame.root * 1.3)
  }
  draw.stroke()
}

const middle = (history: History, i: number) => {
  const start = history.start[i] ?? 0
  return start + ((history.start[1] ?? start) - (history.start[0] ?? start)) / 2
}

/** Buckets that one curve joins: it breaks where data was bad, and where a tag was silent for too long. */
function runs(history: History, bridge: number): number[][] {
  const found: number[][] = []
  let last = -1
  history.mean.forEach((mean, i) => {
    const heard = (history.count[i] ?? 0) > 0
    if (mean === null) {
      if (heard) last = -1
      return
    }
    const apart = last < 0 ? Infinity : (history.start[i] ?? 0) - (history.start[last] ?? 0)
    if (last >= 0 && (i === last + 1 || apart <= bridge)) found.at(-1)!.push(i)
    else found.push([i])
    last = i
  })
  return found
}

/** Hatch what is in doubt over the whole height, and underline it: amber rising, red crossed. */
export function drawDoubts(
  draw: CanvasRenderingContext2D,
  frame: Frame,
  style: CSSStyleDeclaration,
  found: readonly Doubt[],
): void {
  for (const level of ['uncertain', 'bad'] as const) {
    const color = style.getPropertyValue(`--${level}`).trim()
    const hatch = hatching(draw, color, frame.root * 0.5, level === 'bad')
    for (const doubt of found.filter((one) => one.level === level)) {
      const x = frame.x(doubt.start)
      const wide = Math.max(2 * frame.ratio, frame.x(doubt.stop) - x)
      draw.globalAlpha = 0.3
      draw.fillStyle = hatch
      draw.fillRect(x, frame.top, wide, frame.bottom - frame.top)
      draw.globalAlpha = 1
      draw.fillStyle = color
      draw.fillRect(x, frame.bottom, wide, frame.root * 0.25)
    }
  }
}

function hatching(
  draw: CanvasRenderingContext2D,
  color: string,
  unit: number,
  crossed: boolean,
): CanvasPattern | string {
  const tile = document.createElement('canvas')
  tile.width = tile.height = Math.max(4, Math.round(unit))
  const on = tile.getContext('2d')
  if (!on) return color
  const size = tile.width
  on.strokeStyle = color
  on.lineWidth = Math.max(1, size / 6)
  for (const shift of [-size, 0, size]) {
    on.moveTo(shift, size)
    on.lineTo(shift + size, 0)
    if (!crossed) continue
    on.moveTo(shift, 0)
    on.lineTo(shift + size, size)
  }
  on.stroke()
  return draw.createPattern(tile, 'repeat') ?? color
}
