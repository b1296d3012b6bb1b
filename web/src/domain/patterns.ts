/** How each group of states is hatched, so that a state is told without its colour, in print and by anyone. */
import type { Group } from './packml'

type Stroke = (draw: CanvasRenderingContext2D, size: number) => void

const line =
  (x1: number, y1: number, x2: number, y2: number): Stroke =>
  (draw, size) => {
    draw.moveTo(x1 * size, y1 * size)
    draw.lineTo(x2 * size, y2 * size)
  }

// diagonals run past the tile's edges so that neighbouring tiles join
const RISING = [line(-0.25, 1.25, 1.25, -0.25), line(-0.25, 0.25, 0.25, -0.25), line(0.75, 1.25, 1.25, 0.75)]
const FALLING = [line(-0.25, -0.25, 1.25, 1.25), line(0.75, -0.25, 1.25, 0.25), line(-0.25, 0.75, 0.25, 1.25)]

const STROKES: Readonly<Record<Group, readonly Stroke[]>> = {
  running: [],
  changing: [line(0.5, 0, 0.5, 1)],
  ready: [line(0.4, 0.5, 0.6, 0.5)],
  complete: [line(0, 0.5, 1, 0.5), line(0.5, 0, 0.5, 1)],
  waiting: RISING,
  held: FALLING,
  stopped: [line(0, 0.5, 1, 0.5)],
  aborted: [...RISING, ...FALLING],
  unknown: RISING,
}

/** A fill for a group; `unit` is the tile's size in device pixels. */
export function groupFill(draw: CanvasRenderingContext2D, group: Group, unit: number): CanvasPattern | string {
  const style = getComputedStyle(document.documentElement)
  const base = style.getPropertyValue(`--state-${group}`).trim()
  if (STROKES[group].length === 0) return base
  const tile = document.createElement('canvas')
  tile.width = tile.height = Math.max(4, Math.round(unit))
  const on = tile.getContext('2d')
  if (!on) return base
  on.fillStyle = base
  on.fillRect(0, 0, tile.width, tile.height)
  on.strokeStyle = group === 'unknown' ? style.getPropertyValue('--line-strong').trim() : '#0000004d'
  on.lineWidth = Math.max(1, tile.width / 7)
  on.beginPath()
  for (const stroke of STROKES[group]) stroke(on, tile.width)
  on.stroke()
  return draw.createPattern(tile, 'repeat') ?? base
}
