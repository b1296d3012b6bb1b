/** Intervals on an axis, and the site's clock as moments. */
import { describe, expect, it } from 'vitest'
import { place } from '../src/domain/interval'
import { momentIn } from '../src/domain/zoned'

const found = { estimate: 0.2, interval: [0.1, 0.3] as [number, number], bound: 0.15, op: '>=', kind: 'change-up' }

describe('an interval on its axis', () => {
  it('keeps the order of what it shows', () => {
    const { zero, low, bound, estimate, high, kept } = place(found)
    const order = [zero, low, bound, estimate, high].map(Number)
    expect(order).toEqual([...order].sort((a, b) => a - b))
    expect(kept).toEqual({ from: bound, to: 100 })
  })

  it('keeps what must stay below on the other side', () => {
    const { kept, bound } = place({ ...found, op: '<=', kind: 'absolute' })
    expect(kept).toEqual({ from: 0, to: bound })
  })

  it('goes on beyond the axis where it has no end', () => {
    const { high, openHigh, openLow } = place({ ...found, interval: [0.1, 'Infinity'] })
    expect([high, openHigh, openLow]).toEqual([100, true, false])
  })

  it('has a bound where there is nothing else', () => {
    const { bound, estimate, low } = place({ ...found, kind: 'absolute', estimate: null, interval: null })
    expect([bound, estimate, low]).toEqual([50, null, null])
  })
})

describe('a wall clock', () => {
  it('is read in its own zone', () => {
    expect(momentIn('Asia/Shanghai', '2026-11-02T09:00')).toBe(Date.UTC(2026, 10, 2, 1))
    expect(momentIn('Asia/Kolkata', '2026-11-02T09:00:30')).toBe(Date.UTC(2026, 10, 2, 3, 30, 30))
  })

  it('shows an hour twice in autumn, and the first of them counts', () => {
    expect(momentIn('Europe/Berlin', '2026-10-25T02:30')).toBe(Date.UTC(2026, 9, 25, 0, 30))
    expect(momentIn('Europe/Berlin', '2026-10-25T03:30')).toBe(Date.UTC(2026, 9, 25, 2, 30))
  })

  it('skips an hour in spring', () => {
    expect(momentIn('Europe/Berlin', '2026-03-29T01:30')).toBe(Date.UTC(2026, 2, 29, 0, 30))
    expect(momentIn('Europe/Berlin', '2026-03-29T02:30')).toBe(Date.UTC(2026, 2, 29, 1, 30))
    expect(momentIn('Europe/Berlin', '2026-03-29T03:30')).toBe(Date.UTC(2026, 2, 29, 1, 30))
  })

  it('shows no time for what is none', () => {
    expect(momentIn('Asia/Shanghai', '')).toBeNaN()
  })
})
