/** Zooming never leaves what can be shown, and doubt is marked exactly where it was. */
import { describe, expect, it } from 'vitest'
import type { History } from '../src/api'
import { baselineOf, offsetOf, shifted } from '../src/domain/baseline'
import { doubts } from '../src/domain/doubt'
import { pan, within, zoomAt } from '../src/domain/zoom'

const NOW = 1_000_000_000

describe('a range', () => {
  it('keeps what is under the pointer where it is', () => {
    const { start, stop } = zoomAt({ start: 0, stop: 100 }, 25, 0.5)
    expect((25 - start) / (stop - start)).toBeCloseTo(0.25)
    expect(stop - start).toBe(50)
  })

  it('moves by a share of its own length', () => {
    expect(pan({ start: 100, stop: 200 }, -0.5)).toEqual({ start: 50, stop: 150 })
  })

  it('never reaches into the future, and keeps its length there', () => {
    expect(within({ start: NOW - 5000, stop: NOW + 5000 }, NOW)).toEqual({ start: NOW - 10_000, stop: NOW })
  })

  it('is neither shorter nor longer than what can be shown', () => {
    const short = within({ start: NOW - 100, stop: NOW - 99 }, NOW)
    expect(short.stop - short.start).toBe(2000)
    const long = within({ start: -1e15, stop: NOW }, NOW)
    expect(long.stop - long.start).toBe(400 * 86_400_000)
  })
})

function history(buckets: [count: number, quality: number][]): History {
  const nothing = buckets.map(() => null)
  return {
    path: 'p',
    unit: '1',
    start: buckets.map((_, i) => i * 10),
    count: buckets.map(([count]) => count),
    usable: buckets.map(([count]) => count),
    minimum: nothing,
    maximum: nothing,
    mean: nothing,
    last: nothing,
    quality: buckets.map(([, quality]) => quality),
    rollup: 0,
  }
}

describe('doubt', () => {
  it('is one stretch for neighbours of one kind, and ends with its last bucket', () => {
    const found = doubts(
      history([
        [1, 0],
        [1, 0x40940000],
        [2, 0x40940000],
        [1, 0x808c0000],
        [1, 0],
      ]),
      50,
    )
    expect(found).toEqual([
      { start: 10, stop: 30, level: 'uncertain', word: 'out-of-range' },
      { start: 30, stop: 40, level: 'bad', word: 'sensor-failure' },
    ])
  })

  it('is not claimed where nothing was heard', () => {
    expect(
      doubts(
        history([
          [0, 0x80000000],
          [1, 0],
        ]),
        20,
      ),
    ).toEqual([])
  })

  it('reaches to the end of the window when the last bucket is in doubt', () => {
    expect(
      doubts(
        history([
          [1, 0],
          [1, 0x80000000],
        ]),
        25,
      ),
    ).toEqual([{ start: 10, stop: 25, level: 'bad', word: 'bad' }])
  })
})

describe('a baseline', () => {
  it('lies as far back as the address says, the window before by its own length', () => {
    expect(offsetOf('1d', 900_000)).toBe(86_400_000)
    expect(offsetOf('prev', 900_000)).toBe(900_000)
    expect(offsetOf('36h', 900_000)).toBe(36 * 3_600_000)
  })

  it.each(['', 'none', 'custom', '0h', '-3h', '99999h', 'evil'])('is none for %j', (text) => {
    expect(offsetOf(text, 900_000)).toBe(0)
    expect(baselineOf(text).name).toBe('none')
  })

  it('is moved onto the present and otherwise unchanged', () => {
    const then = history([
      [1, 0],
      [2, 0],
    ])
    expect(shifted(then, 1000)).toEqual({ ...then, start: [1000, 1010] })
  })
})
