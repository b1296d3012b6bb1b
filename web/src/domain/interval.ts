/** Where an estimate, its interval and its bound lie on one axis, in per cent of its width. */
import type { Finding, Real } from '../api-campaigns'

export interface Placed {
  /** Per cent; null where there is none. */
  estimate: number | null
  low: number | null
  high: number | null
  bound: number
  zero: number | null
  /** Whether the interval goes on beyond the axis. */
  openLow: boolean
  openHigh: boolean
  /** The part of the axis where the bound is kept. */
  kept: { from: number; to: number }
}

const ROOM = 0.12

export const real = (value: Real | null | undefined): number | null =>
  value === null || value === undefined || value === 'NaN' ? null : Number(value)

export function place(finding: Pick<Finding, 'estimate' | 'interval' | 'bound' | 'op' | 'kind'>): Placed {
  const estimate = real(finding.estimate)
  const [low, high] = (finding.interval ?? [null, null]).map((end) => real(end))
  const compares = finding.kind.endsWith('-up') || finding.kind.endsWith('-down')
  const shown = [finding.bound, estimate, low, high, compares ? 0 : null].filter(
    (value): value is number => value !== null && value !== undefined && Number.isFinite(value),
  )
  const least = Math.min(...shown)
  const most = Math.max(...shown)
  const span = most - least || Math.abs(most) || 1
  const width = span * (1 + 2 * ROOM)
  const from = (least + most - width) / 2
  const at = (value: number) => Math.min(100, Math.max(0, ((value - from) / width) * 100))
  const maybe = (value: number | null | undefined) => (value === null || value === undefined ? null : at(value))
  const bound = at(finding.bound)
  return {
    estimate: maybe(estimate),
    low: maybe(low),
    high: maybe(high),
    bound,
    zero: compares ? at(0) : null,
    openLow: low === -Infinity,
    openHigh: high === Infinity,
    kept: finding.op.startsWith('>') ? { from: bound, to: 100 } : { from: 0, to: bound },
  }
}
