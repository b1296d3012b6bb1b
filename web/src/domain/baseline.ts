/**
 * An earlier stretch of time to compare with, as an address says it:
 *
 *     prev        the window right before          36h     so many hours before
 *     1d, 7d      the same time, or the same shift, one or seven days before
 *     shift       the shift before                 @1763600400000    from a chosen moment on
 */
import type { History, Period } from '../api'
import { dayBefore, shiftBefore, type Shift } from './periods'
import type { Range } from './zoom'

export const BASELINES = ['none', 'prev', 'shift', '1d', '7d', 'custom', 'chosen'] as const
export type Baseline = (typeof BASELINES)[number]

const HOUR_MS = 3_600_000
const DAYS: Partial<Record<Baseline, number>> = { '1d': 1, '7d': 7 }

export interface Read {
  name: Baseline
  /** How far back it lies; 0 where something else than hours says it. */
  hours: number
  /** The chosen moment, ms; 0 for none. */
  from: number
}

/** Read what an address says; what is no baseline is none. */
export function baselineOf(text: string): Read {
  const [, hours] = /^(\d{1,4})h$/.exec(text) ?? []
  if (Number(hours) > 0) return { name: 'custom', hours: Number(hours), from: 0 }
  const [, from] = /^@(\d{1,15})$/.exec(text) ?? []
  if (Number(from) > 0) return { name: 'chosen', hours: 0, from: Number(from) }
  const name = BASELINES.find((one) => one === text && one !== 'custom' && one !== 'chosen') ?? 'none'
  return { name, hours: 24 * (DAYS[name] ?? 0), from: 0 }
}

/** How far back the baseline lies, ms; 0 for none, and where that takes a calendar. */
export function offsetOf(text: string, length: number): number {
  const { name, hours } = baselineOf(text)
  return name === 'prev' ? length : hours * HOUR_MS
}

/** What is compared with: how the server is asked for it, and where it lies. */
export interface Target {
  period: Period
  range: Range
}

/**
 * The baseline of a period that spans `range`; null for none, and where the calendar has no such shift.
 *
 * A shift that is over is compared with a whole shift; one that is running, with as much of the other as it is old.
 */
export function targetOf(text: string, period: Period, range: Range, shifts: readonly Shift[]): Target | null {
  const { name, hours, from } = baselineOf(text)
  const length = range.stop - range.start
  const at = (start: number): Target => ({
    period: { start, stop: start + length },
    range: { start, stop: start + length },
  })
  const whole = (shift: Shift): Target => ({ period: { shift: shift.shift, day: shift.day }, range: shift })
  const over = 'shift' in period
  if (name === 'none') return null
  if (name === 'chosen') return at(from)
  if (name === 'shift') {
    const before = shiftBefore(shifts, range.start)
    return before && (over ? whole(before) : at(before.start))
  }
  if (over && DAYS[name] !== undefined) {
    const day = dayBefore(period.day, DAYS[name])
    const same = shifts.find((one) => one.shift === period.shift && one.day === day)
    return same ? whole(same) : null
  }
  return at(range.start - (name === 'prev' ? length : hours * HOUR_MS))
}

/** Whether two stretches of time differ so much in length that sums of them say nothing beside each other. */
export function unlike(a: Range, b: Range): boolean {
  const [one, other] = [a.stop - a.start, b.stop - b.start]
  return Math.abs(one - other) > 0.01 * Math.max(one, other)
}

/** An earlier history as if it had happened `offset` ms later, to lie over the present. */
export function shifted(history: History, offset: number): History {
  return { ...history, start: history.start.map((time) => time + offset) }
}
