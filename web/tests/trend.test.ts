import { describe, expect, it } from 'vitest'
import type { History } from '../src/api'
import { gridFor, Trend } from '../src/domain/trend'

const T = 1_760_000_000_000 - (1_760_000_000_000 % 60_000)

function history(
  values: (number | null)[],
  step: number,
  heard: number[] = values.map((v) => (v === null ? 0 : 2)),
): History {
  const like = (shift: number) => values.map((v) => (v === null ? null : v + shift))
  return {
    path: 'p',
    unit: '1',
    start: values.map((_, i) => T + i * step),
    count: heard,
    usable: values.map((v) => (v === null ? 0 : 2)),
    minimum: like(-1),
    maximum: like(1),
    mean: values,
    last: values,
    quality: values.map(() => 0),
    rollup: 0,
  }
}

describe('a grid', () => {
  it('covers the window in whole steps and ends with the step that is filling', () => {
    const grid = gridFor(T + 1500, 900_000, 300)
    expect(grid).toEqual({ step: 3000, buckets: 300, start: T + 3000 - 900_000, stop: T + 3000 })
  })
})

describe('a trend', () => {
  it('draws history and live samples on one grid', () => {
    const trend = new Trend(1000, 10)
    trend.load(history([5, 7], 1000))
    trend.add(T + 2100, 8)
    trend.add(T + 2600, 10)
    const { mean, low, spread } = trend.curves(T + 2900, 2)
    expect(mean).toEqual([
      [T + 500, 5],
      [T + 1500, 7],
      [T + 2500, 9],
    ])
    expect(low.at(-1)).toEqual([T + 2500, 8])
    expect(spread.at(-1)).toEqual([T + 2500, 2])
  })

  it('never holds more than its buckets, however long the page is open', () => {
    const trend = new Trend(1000, 50)
    for (let i = 0; i < 100_000; i++) trend.add(T + i * 250, i)
    const { mean } = trend.curves(T + 25_000_000 - 1, 5)
    expect(mean).toHaveLength(50)
    expect(mean.at(-1)?.[1]).toBe(99_997.5)
  })

  it('bridges what a tag may leave out, and breaks where it fell silent', () => {
    const trend = new Trend(1000, 60)
    trend.add(T, 1)
    trend.add(T + 4000, 2)
    trend.add(T + 30_000, 3)
    const values = trend.curves(T + 31_000, 10).mean.map(([, value]) => value)
    expect(values).toEqual([1, 2, null, 3])
  })

  it('breaks where data came that could not be used', () => {
    const trend = new Trend(1000, 60)
    trend.load(history([1, null, 3], 1000, [2, 4, 2]))
    expect(trend.curves(T + 3000, 10).mean.map(([, value]) => value)).toEqual([1, null, 3])
    trend.add(T + 3100, null)
    trend.add(T + 4100, 4)
    expect(trend.curves(T + 5000, 10).mean.map(([, value]) => value)).toEqual([1, null, 3, null, 4])
  })

  it('keeps live samples when history comes late', () => {
    const trend = new Trend(1000, 60)
    trend.add(T + 1000, 42)
    trend.load(history([5, 7, null], 1000))
    expect(trend.curves(T + 3000, 10).mean).toEqual([
      [T + 500, 5],
      [T + 1500, 42],
    ])
  })

  it('ignores samples older than the window', () => {
    const trend = new Trend(1000, 10)
    trend.add(T + 60_000, 1)
    trend.add(T, 99)
    expect(trend.curves(T + 60_500, 10).mean).toEqual([[T + 60_500, 1]])
  })
})
