/** A stretch of the past being looked at, and how zooming and panning change it; times in ms. */

export interface Range {
  start: number
  stop: number
}

const SHORTEST_MS = 2000
const LONGEST_MS = 400 * 86_400_000

/** Keep a range within what can be shown: not after `now`, not shorter or longer than makes sense. */
export function within(range: Range, now: number): Range {
  const length = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, range.stop - range.start))
  const middle = (range.start + range.stop) / 2
  const stop = Math.round(Math.min(now, middle + length / 2))
  return { start: Math.round(stop - length), stop }
}

/** Make the range `factor` times as long, so that `at` stays where it is on the screen. */
export function zoomAt({ start, stop }: Range, at: number, factor: number): Range {
  return { start: at - (at - start) * factor, stop: at + (stop - at) * factor }
}

/** Move by a share of the range's own length; negative is towards the past. */
export function pan({ start, stop }: Range, share: number): Range {
  const by = (stop - start) * share
  return { start: start + by, stop: stop + by }
}
