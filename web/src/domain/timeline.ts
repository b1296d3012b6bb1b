/** Machine states as spans on a time axis: clipped, in order, with nothing left out between them. */
import { milliseconds, type Interval } from '../api'
import { groupOf, stateOf, type Group, type State } from './packml'

export interface Stay {
  start: number
  stop: number
  state: State
  group: Group
}

/**
 * Clip intervals to a window; what no interval covers is shown as UNKNOWN, never skipped over. `part`: they are only some
 * of the machine's time, and what lies between is none of it.
 */
export function timeline(intervals: readonly Interval[], start: number, stop: number, part = false): Stay[] {
  const stays: Stay[] = []
  const add = (from: number, to: number, state: State) => {
    const before = stays.at(-1)
    if (to <= from) return
    if (before?.state === state && before.stop >= from) before.stop = to
    else stays.push({ start: from, stop: to, state, group: groupOf(state) })
  }
  let reached = start
  const known = intervals
    .map((one) => ({ start: milliseconds(one.start), stop: milliseconds(one.stop), state: stateOf(one.state) }))
    .sort((a, b) => a.start - b.start)
  for (const one of known) {
    const from = Math.max(one.start, reached)
    const to = Math.min(one.stop, stop)
    if (to <= from) continue
    if (!part) add(reached, from, 'UNKNOWN')
    add(from, to, one.state)
    reached = to
  }
  if (!part) add(reached, stop, 'UNKNOWN')
  return stays
}

/** Share of the window spent in each group, largest first. */
export function shares(stays: readonly Stay[]): { group: Group; share: number }[] {
  const total = stays.reduce((sum, stay) => sum + stay.stop - stay.start, 0)
  const spent = new Map<Group, number>()
  for (const stay of stays) spent.set(stay.group, (spent.get(stay.group) ?? 0) + stay.stop - stay.start)
  return [...spent].map(([group, time]) => ({ group, share: time / total })).sort((a, b) => b.share - a.share)
}

const STEPS_MIN = [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440]

/** Round times for the axis, at most `most` of them; whole minutes are whole in every zone in use. */
export function axisTimes(start: number, stop: number, most: number): number[] {
  const step = (STEPS_MIN.find((minutes) => (stop - start) / (minutes * 60_000) <= most) ?? 2880) * 60_000
  const times = []
  for (let time = Math.ceil(start / step) * step; time <= stop; time += step) times.push(time)
  return times
}
