/** Stops as they are drawn and spoken of: which are in view, and which reasons people can choose from. */
import type { Stop, UnitStops } from '../api'

export interface Span {
  start: number
  stop: number
}

/** A stop with the machine it is of. */
export interface StopOf extends Stop {
  scope: string
}

/** One place to be drawn: percent of the width. */
export interface Place {
  left: number
  width: number
}

/** Where a stretch of time lies in a span, in percent; null where it lies outside. */
export function placeIn(span: Span, one: Span): Place | null {
  const whole = span.stop - span.start
  const [from, to] = [Math.max(one.start, span.start), Math.min(one.stop, span.stop)]
  if (whole <= 0 || to <= from) return null
  return { left: (100 * (from - span.start)) / whole, width: (100 * (to - from)) / whole }
}

/** Shorter than this nobody can zoom: a minute shows every second. */
export const CLOSEST_MS = 60_000

/** A narrower or wider look at a span, around its middle or `at`; never outside of it. */
export function zoomed(whole: Span, look: Span, factor: number, at = (look.start + look.stop) / 2): Span {
  const length = Math.min(whole.stop - whole.start, Math.max(CLOSEST_MS, (look.stop - look.start) / factor))
  const share = (at - look.start) / (look.stop - look.start)
  return within(whole, { start: at - share * length, stop: at + (1 - share) * length })
}

/** The same length, further on by a share of it. */
export function moved(whole: Span, look: Span, share: number): Span {
  const by = share * (look.stop - look.start)
  return within(whole, { start: look.start + by, stop: look.stop + by })
}

function within(whole: Span, look: Span): Span {
  const length = Math.min(look.stop - look.start, whole.stop - whole.start)
  const start = Math.min(Math.max(look.start, whole.start), whole.stop - length)
  return { start, stop: start + length }
}

/** A stop that ends this close to the newest data may still go on. */
const SETTLED_MS = 3000

/** Whether the machine has started again: only then is a stop as long as it says. */
export const isOver = (stop: Span, newest: number): boolean => stop.stop < newest - SETTLED_MS

/** Reasons given before, by machines and by people, the most frequent first. */
export function knownReasons(units: readonly UnitStops[], most = 12): string[] {
  const times = new Map<string, number>()
  for (const unit of units)
    for (const stop of unit.stops)
      for (const said of new Set([stop.annotation?.reason ?? '', stop.reported]))
        if (said !== '') times.set(said, (times.get(said) ?? 0) + 1)
  return [...times]
    .sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]))
    .slice(0, most)
    .map(([reason]) => reason)
}
