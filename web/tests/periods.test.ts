/** Which stretch of time an address asks for, what it is compared with, and what a difference means. */
import { describe, expect, it } from 'vitest'
import { inQuery, pageTime, type Indicator } from '../src/api'
import { baselineOf, targetOf, unlike } from '../src/domain/baseline'
import { compared, directionOf, mixes, productsIn } from '../src/domain/compare'
import { askedOf, dayBefore, inAddress, isPast, periodOf, readSpan, shiftBefore, wallTime } from '../src/domain/periods'

const H = 3_600_000
const ZONE = 'Asia/Shanghai'

describe('an address', () => {
  it('asks for a running window, a shift by its day, or from … to', () => {
    expect(periodOf({ window: '1h' })).toEqual({ window: '1h' })
    expect(periodOf({ shift: 'night', day: '2026-11-20' })).toEqual({ shift: 'night', day: '2026-11-20' })
    expect(periodOf({ start: '1000', stop: '61000' })).toEqual({ start: 1000, stop: 61_000 })
  })

  it('that says nothing of use is the last quarter of an hour', () => {
    for (const odd of [{}, { window: 'soon' }, { shift: 'night' }, { start: '5' }, { start: '9', stop: '3' }])
      expect(periodOf(odd)).toEqual({ window: '15min' })
    expect(periodOf({ start: '1', stop: String(33 * 24 * H) })).toEqual({ window: '15min' })
  })

  it('is written as it is read, and leaves nothing of what was chosen before', () => {
    const before = { window: '8h', shift: 'night', day: '2026-11-20', compare: 'prev' }
    const after = { ...before, ...inAddress({ start: 1000, stop: 61_000 }) }
    expect(periodOf(after)).toEqual({ start: 1000, stop: 61_000 })
    expect(after.shift).toBeUndefined()
    expect(after.compare).toBe('prev')
  })

  it('names one product beside any of them', () => {
    expect(askedOf({ window: '1h', product: 'bracket-a' })).toEqual({ window: '1h', product: 'bracket-a' })
    expect(askedOf({ window: '1h' })).toEqual({ window: '1h' })
  })

  it('is past when it does not run up to now', () => {
    expect(isPast({ window: 'shift' })).toBe(false)
    expect(isPast({ shift: 'night', day: '2026-11-20' })).toBe(true)
  })
})

describe('a question about a window up to now', () => {
  it('means up to where the page stands, and a window of its own stays what it is', () => {
    pageTime.until = 5000
    expect(inQuery('1h')).toEqual({ window: '1h', until: 5000 })
    expect(inQuery({ start: 1, stop: 2 })).toEqual({ start: 1, stop: 2 })
    pageTime.until = null
    expect(inQuery('1h')).toEqual({ window: '1h' })
  })
})

describe('a window that somebody types in', () => {
  const now = Date.parse('2026-11-21T12:00:00+08:00')
  const read = (start: string, stop: string) => readSpan(ZONE, { start, stop }, now)

  it('is read by the clocks of the site', () => {
    expect(read('2026-11-21T08:00', '2026-11-21T09:30')).toEqual({
      start: Date.parse('2026-11-21T08:00:00+08:00'),
      stop: Date.parse('2026-11-21T09:30:00+08:00'),
    })
    expect(wallTime(ZONE, now)).toBe('2026-11-21T12:00')
  })

  it('is refused with what is wrong about it', () => {
    expect(read('', '2026-11-21T09:30')).toBe('no-time')
    expect(read('2026-11-21T10:00', '2026-11-21T09:30')).toBe('order')
    expect(read('2026-09-01T10:00', '2026-11-21T09:30')).toBe('too-long')
    expect(read('2026-11-21T11:00', '2026-11-21T12:30')).toBe('future')
  })
})

const SHIFTS = [
  { shift: 'day', day: '2026-11-19', start: 8 * H, stop: 16 * H },
  { shift: 'night', day: '2026-11-19', start: 16 * H, stop: 24 * H },
  { shift: 'day', day: '2026-11-20', start: 32 * H, stop: 40 * H },
]

describe('a baseline', () => {
  const past = SHIFTS[2]!
  const period = { shift: 'day', day: '2026-11-20' }

  it('of a past shift is a whole shift: the one before, or the same a day before', () => {
    expect(targetOf('shift', period, past, SHIFTS)?.period).toEqual({ shift: 'night', day: '2026-11-19' })
    expect(targetOf('1d', period, past, SHIFTS)?.period).toEqual({ shift: 'day', day: '2026-11-19' })
    expect(targetOf('7d', period, past, SHIFTS)).toBeNull()
  })

  it('of a shift that runs is as much of the other as this one is old', () => {
    const target = targetOf('shift', { window: 'shift' }, { start: 32 * H, stop: 34 * H }, SHIFTS)
    expect(target?.range).toEqual({ start: 16 * H, stop: 18 * H })
  })

  it('of any window is as long as the window', () => {
    const range = { start: 100 * H, stop: 102 * H }
    expect(targetOf('prev', { window: '1h' }, range, [])?.range).toEqual({ start: 98 * H, stop: 100 * H })
    expect(targetOf('36h', { window: '1h' }, range, [])?.range).toEqual({ start: 64 * H, stop: 66 * H })
    expect(targetOf(`@${7 * H}`, { window: '1h' }, range, [])?.range).toEqual({ start: 7 * H, stop: 9 * H })
    expect(targetOf('', { window: '1h' }, range, [])).toBeNull()
  })

  it('is read from an address, or is none', () => {
    expect(baselineOf('@1763600400000')).toEqual({ name: 'chosen', hours: 0, from: 1_763_600_400_000 })
    expect(baselineOf('shift').name).toBe('shift')
    expect(baselineOf('whatever').name).toBe('none')
  })

  it('of another length is said to be so', () => {
    expect(unlike({ start: 0, stop: 8 * H }, { start: 0, stop: 7 * H })).toBe(true)
    expect(unlike({ start: 0, stop: 8 * H }, { start: H, stop: 9 * H })).toBe(false)
  })

  it('finds the shift before across a gap, and days by the calendar', () => {
    expect(shiftBefore(SHIFTS, 32 * H)?.shift).toBe('night')
    expect(shiftBefore(SHIFTS, 0)).toBeNull()
    expect(dayBefore('2026-03-01', 1)).toBe('2026-02-28')
    expect(dayBefore('2026-12-31', -1)).toBe('2027-01-01')
  })
})

function figure(id: string, value: number | null, scope = 'cq/line'): Indicator {
  return {
    key: `${scope}:${id}`,
    id,
    name: { zh: id, en: id },
    value,
    unit: '1',
    shown: 'number',
    scope,
    status: value === null ? 'insufficient-data' : 'ok',
    flags: [],
    coverage: 1,
    quality_share: 1,
    note: { zh: '', en: '' },
    simulated: true,
  }
}

describe('a difference', () => {
  const meaning = (id: string, now: number | null, then: number | null) =>
    compared([figure(id, now)], [figure(id, then)])[0]

  it('is for the better or the worse by the figure, not by its sign', () => {
    expect(meaning('oee', 0.8, 0.7)?.meaning).toBe('better')
    expect(meaning('defect-rate', 0.03, 0.02)?.meaning).toBe('worse')
    expect(meaning('latency-p95', 8, 12)?.meaning).toBe('better')
    expect(meaning('mttr', 500, 400)?.meaning).toBe('worse')
  })

  it('of what nobody can judge is neither', () => {
    expect(directionOf('energy')).toBeNull()
    expect(meaning('energy', 5, 4)?.meaning).toBe('neutral')
    expect(meaning('oee', 0.8, 0.8)?.meaning).toBe('same')
  })

  it('is not made up where one of the two is no number', () => {
    expect(meaning('oee', 0.8, null)).toMatchObject({ difference: null, meaning: 'unknown' })
    expect(compared([figure('oee', 0.8)], [])[0]).toMatchObject({ then: null, meaning: 'unknown' })
  })

  it('is also told as a share of what it was', () => {
    expect(meaning('good-output', 150, 100)).toMatchObject({ difference: 50, relative: 0.5 })
    expect(meaning('good-output', 150, 0)?.relative).toBeNull()
  })
})

describe('what was made', () => {
  const counted = (product: string, pieces: number) => ({
    ...figure('first-pass-yield', 1, `cq/line/press#product=${product}`),
    inputs: { IP: { value: pieces, unit: '{part}' } },
    uncertainty: null,
  })
  const made = (a: number, b: number) => [counted('A', a), counted('B', b)]

  it('is named where its mix has changed', () => {
    expect(productsIn(made(1, 1))).toEqual(['A', 'B'])
    expect(mixes(made(75, 25), made(25, 75))).toEqual([
      { product: 'A', now: 0.75, then: 0.25 },
      { product: 'B', now: 0.25, then: 0.75 },
    ])
  })

  it('is not where it is much the same, or not known', () => {
    expect(mixes(made(50, 50), made(48, 52))).toEqual([])
    expect(mixes(made(50, 50), [])).toEqual([])
  })
})
