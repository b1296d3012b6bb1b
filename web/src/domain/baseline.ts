/** An earlier stretch of time to compare with: `prev`, `1d`, `7d`, or hours as in `36h`. */
import type { History } from '../api'

export const BASELINES = ['none', 'prev', '1d', '7d', 'custom'] as const
export type Baseline = (typeof BASELINES)[number]

const HOUR_MS = 3_600_000

/** Read what an address says; what is no baseline is none. */
export function baselineOf(text: string): { name: Baseline; hours: number } {
  const [, hours] = /^(\d{1,4})h$/.exec(text) ?? []
  if (Number(hours) > 0) return { name: 'custom', hours: Number(hours) }
  const name = BASELINES.find((one) => one === text && one !== 'custom') ?? 'none'
  return { name, hours: name === '1d' ? 24 : name === '7d' ? 168 : 0 }
}

/** How far back the baseline lies, ms; 0 for none. The window before this one begins its own length earlier. */
export function offsetOf(text: string, length: number): number {
  const { name, hours } = baselineOf(text)
  return name === 'prev' ? length : hours * HOUR_MS
}

/** An earlier history as if it had happened `offset` ms later, to lie over the present. */
export function shifted(history: History, offset: number): History {
  return { ...history, start: history.start.map((time) => time + offset) }
}
