/** What panels compute: who waits for whom, what a loop missed, where a stop is drawn, what a delay's nines are. */
import { describe, expect, it } from 'vitest'
import type { Device, Scene, Tag } from '../src/api'
import type { Detail, PieceRecord } from '../src/api-scene'
import { episodes, marked, zones } from '../src/domain/control-chart'
import { nines, points, shareAt, topOf } from '../src/domain/delay-chart'
import { groupedEnergy } from '../src/domain/energy-states'
import { formatTick } from '../src/domain/format'
import { bottleneck, lineViews, waitOf, type StationNow } from '../src/domain/line-view'
import { errors } from '../src/domain/loop-chart'
import { loopsOf, rises } from '../src/domain/loops'
import type { Group } from '../src/domain/packml'
import { pieceOf } from '../src/domain/pieces'
import { CLOSEST_MS, isOver, knownReasons, moved, placeIn, zoomed } from '../src/domain/stops'
import { PANELS, panelsOf } from '../src/panels/panels'

const tag = (path: string, role: string | null, change: Partial<Tag> = {}): Tag => ({
  path,
  kind: 'analog',
  role,
  label: '',
  unit: '1',
  symbol: '',
  low: null,
  high: null,
  deadband: 0,
  stale_after: 10,
  description: { zh: '', en: '' },
  states: {},
  simulated: false,
  source: '',
  address: null,
  ...change,
})
const device = (path: string, tags: Tag[]): Device => ({
  path,
  id: path.slice(path.lastIndexOf('/') + 1),
  name: { zh: '', en: '' },
  type: 'machine',
  access: 'wired',
  position: null,
  tags: tags.map((one) => one.path),
})
const scene = (lines: { serial: boolean; devices: Device[] }[], page: string[] = []): Scene => ({
  id: 's',
  path: 'x/s',
  name: { zh: '', en: '' },
  simulated: false,
  stop_reasons: [],
  floor: null,
  page,
  lines: lines.map((line, i) => ({ path: `x/s/l${i}`, name: { zh: '', en: '' }, ...line })),
})
const byPath = (tags: Tag[]) => new Map(tags.map((one) => [one.path, one]))

describe('a line', () => {
  const state = (name: string) => tag(`x/s/l0/${name}/state`, 'state', { kind: 'state' })
  const tags = [state('a'), state('b'), tag('x/s/l0/b/queue', 'buffer-level')]
  const devices = [device('x/s/l0/a', [tags[0]!]), device('x/s/l0/b', tags.slice(1)), device('x/s/l0/lamp', [])]

  it('has its stations in order, with what waits before each', () => {
    const [view] = lineViews(scene([{ serial: true, devices }]), byPath(tags))
    expect(view?.stations.map((one) => one.device.id)).toEqual(['a', 'b'])
    expect(view?.stations[1]?.buffers.map((one) => one.path)).toEqual(['x/s/l0/b/queue'])
  })

  it('is none where machines stand side by side or alone', () => {
    expect(lineViews(scene([{ serial: false, devices }]), byPath(tags))).toEqual([])
    expect(lineViews(scene([{ serial: true, devices: devices.slice(0, 1) }]), byPath(tags))).toEqual([])
  })

  const now = (group: Group, change: Partial<StationNow> = {}): StationNow => ({
    group,
    blocked: null,
    starved: null,
    reason: '',
    ...change,
  })

  it('tells who waits for whom by the machines beside it', () => {
    const row = [now('waiting'), now('aborted'), now('waiting')]
    expect(waitOf(row, 0)).toEqual({ what: 'blocked', by: 'neighbours' })
    expect(waitOf(row, 1)).toBeNull()
    expect(waitOf(row, 2)).toEqual({ what: 'starved', by: 'neighbours' })
  })

  it('believes the machine before its neighbours', () => {
    expect(waitOf([now('waiting', { reason: 'Starved' }), now('aborted')], 0)).toEqual({
      what: 'starved',
      by: 'machine',
    })
    expect(waitOf([now('running', { blocked: true })], 0)).toEqual({ what: 'blocked', by: 'machine' })
  })

  it('guesses nothing where both neighbours work or both stand', () => {
    expect(waitOf([now('running'), now('waiting'), now('running')], 1)?.what).toBe('waiting')
    expect(waitOf([now('held'), now('waiting'), now('held')], 1)?.what).toBe('waiting')
  })

  const row = (name: string, ...stays: [Group, number][]) => {
    let at = 0
    return {
      device: name,
      stays: stays.map(([group, length]) => ({ start: at, stop: (at += length), group, state: 'UNKNOWN' as const })),
    }
  }

  it('has its bottleneck where the others are waited for least', () => {
    const found = bottleneck([row('a', ['running', 60], ['waiting', 40]), row('b', ['running', 80], ['aborted', 20])])
    expect(found).toEqual({ device: 'b', busy: 1 })
  })

  it('has none where stations are alike, or one is hardly known', () => {
    expect(bottleneck([row('a', ['running', 100]), row('b', ['running', 99], ['waiting', 1])])).toBeNull()
    expect(bottleneck([row('a', ['waiting', 100]), row('b', ['running', 20], ['unknown', 80])])).toBeNull()
  })
})

describe('stops', () => {
  const span = { start: 0, stop: 600_000 }

  it('lie where they were, cut off at the edges', () => {
    expect(placeIn(span, { start: 60_000, stop: 120_000 })).toEqual({ left: 10, width: 10 })
    expect(placeIn(span, { start: -60_000, stop: 60_000 })).toEqual({ left: 0, width: 10 })
    expect(placeIn(span, { start: 700_000, stop: 800_000 })).toBeNull()
  })

  it('are looked at closer around a moment, never outside of the window', () => {
    expect(zoomed(span, span, 2, 0)).toEqual({ start: 0, stop: 300_000 })
    expect(zoomed(span, span, 1000)).toEqual({ start: 300_000 - CLOSEST_MS / 2, stop: 300_000 + CLOSEST_MS / 2 })
    expect(zoomed(span, { start: 0, stop: 300_000 }, 1 / 4)).toEqual(span)
    expect(moved(span, { start: 400_000, stop: 600_000 }, 0.5)).toEqual({ start: 400_000, stop: 600_000 })
    expect(moved(span, { start: 400_000, stop: 600_000 }, -0.5)).toEqual({ start: 300_000, stop: 500_000 })
  })

  it('are over once the machine has run again', () => {
    expect(isOver({ start: 0, stop: 10_000 }, 20_000)).toBe(true)
    expect(isOver({ start: 0, stop: 10_000 }, 11_000)).toBe(false)
  })

  it('have reasons to choose from, the most frequent first', () => {
    const stop = (reported: string, reason = '') => ({
      start: 0,
      stop: 1,
      loss: '',
      name: { zh: '', en: '' },
      reason,
      reported,
      annotation: reason ? { reason, comment: '', author: 'li', made: 0 } : null,
    })
    const units = [{ scope: 'a', stops: [stop('jam'), stop('jam', 'no pallets'), stop(''), stop('E-1')] }]
    expect(knownReasons(units)).toEqual(['jam', 'E-1', 'no pallets'])
  })
})

describe('a control loop', () => {
  const value = tag('x/s/l0/d/v', 'process-value', { unit: 'mm' })
  const target = tag('x/s/l0/d/t', 'setpoint', { unit: 'mm' })
  const tolerance = tag('x/s/l0/d/tol', 'setpoint', { label: 'tolerance' })

  it('is a value with a set-point of its unit', () => {
    const tags = [value, target, tolerance]
    const found = loopsOf(scene([{ serial: false, devices: [device('x/s/l0/d', tags)] }]), byPath(tags))
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject({ value, target, tolerance })
    const alone = scene([{ serial: false, devices: [device('x/s/l0/d', [value, tolerance])] }])
    expect(loopsOf(alone, byPath([value, tolerance]))).toEqual([])
  })

  it('counts what a counter rose by, across a new beginning', () => {
    const found = rises({ start: [0, 1, 2, 3, 4], last: [5, null, 8, 2, 2] })
    expect(found.map((one) => one.rise)).toEqual([0, 3, 2, 0])
  })

  it('errs by the target that was in force', () => {
    const wanted: [number, number][] = [
      [0, 10],
      [5, 20],
    ]
    expect(
      errors(
        [
          [1, 11],
          [4, 9],
          [6, 21],
          [7, null],
        ],
        wanted,
      ),
    ).toEqual([
      [1, 1],
      [4, -1],
      [6, 1],
      [7, null],
    ])
  })
})

describe('delays', () => {
  it('have one more nine a step', () => {
    expect([0, 0.9, 0.99, 0.999].map((share) => Math.round(nines(share) * 1e6) / 1e6)).toEqual([0, 1, 2, 3])
    expect(shareAt(nines(0.95))).toBeCloseTo(0.95)
  })

  it('end at the top where every packet came, and below it where some were lost', () => {
    const top = topOf(1000)
    expect(points({ name: '', packets: 1000, delay: [1, 2], share: [0.5, 1] }).at(-1)).toEqual([2, top])
    expect(points({ name: '', packets: 1000, delay: [1, 2], share: [0.5, 0.99] }).at(-1)?.[1]).toBeCloseTo(2)
  })
})

describe('a piece', () => {
  it('is told apart from what stands beside it', () => {
    const tags = [
      tag('d/part', 'part', { kind: 'text' }),
      tag('d/verdict', 'verdict', { kind: 'text' }),
      tag('d/defect', null, { kind: 'text' }),
      tag('d/size', null, { unit: 'By' }),
      tag('d/sure', null),
      tag('d/good', 'good-count', { kind: 'counter' }),
      tag('d/x', 'position-x', { low: 0, high: 10 }),
      tag('d/y', 'position-y', { low: 0, high: 10 }),
    ]
    const record: PieceRecord = {
      device: 'd',
      time: 1,
      values: {
        'd/part': 'P1',
        'd/verdict': 'scrap',
        'd/defect': 'flash',
        'd/size': 9,
        'd/sure': 0.9,
        'd/good': 4,
        'd/x': 5,
        'd/y': 20,
      },
      reference: 'good',
      right: false,
      accepted: false,
      simulated: true,
    }
    const piece = pieceOf(record, byPath(tags))
    expect(piece).toMatchObject({ name: 'P1', verdict: 'scrap', right: false, pass: false, place: { x: 0.5, y: 1 } })
    expect(piece.words.map((one) => one.text)).toEqual(['flash'])
    expect(piece.numbers.map((one) => one.tag.path)).toEqual(['d/sure', 'd/size'])
  })
})

describe('energy by state', () => {
  const part = (scope: string, value: number | null): Detail => ({
    key: `${scope}:energy`,
    id: 'energy',
    name: { zh: '', en: '' },
    value,
    unit: 'kW.h',
    shown: 'number',
    scope,
    status: value === null ? 'insufficient-data' : 'ok',
    flags: [],
    coverage: 1,
    quality_share: 1,
    note: { zh: '', en: '' },
    simulated: true,
    inputs: {},
    uncertainty: null,
  })

  it('adds up by what the machine was doing', () => {
    const [first, second] = groupedEnergy([
      part('a#state=EXECUTE', 2),
      part('b#state=EXECUTE', 5),
      part('b#state=HELD', 1),
      part('b#state=HOLDING', 0.5),
      part('b#product=x', 9),
    ])
    expect(first).toMatchObject({ device: 'b', total: 6.5, known: true })
    expect(first?.parts.map(({ group, value }) => [group, value])).toEqual([
      ['running', 5],
      ['held', 1.5],
    ])
    expect(second?.device).toBe('a')
    expect(groupedEnergy([part('a#state=EXECUTE', null)])[0]?.known).toBe(false)
  })
})

describe('a page', () => {
  const tags = [tag('x/s/l0/d/v', 'process-value', { unit: 'mm' }), tag('x/s/l0/d/t', 'setpoint', { unit: 'mm' })]
  const made = (page: string[]) => scene([{ serial: false, devices: [device('x/s/l0/d', tags)] }], page)
  const ids = (page: string[]) => panelsOf(made(page), tags).map((panel) => panel.id)

  it('shows what its roles are about, and nothing else', () => {
    expect(ids([])).toEqual(['figures', 'control', 'devices', 'trends', 'control-chart'])
  })

  it('shows what its configuration names, in that order', () => {
    expect(ids(['trends', 'figures'])).toEqual(['trends', 'figures'])
  })

  it('has every panel once', () => {
    expect(new Set(PANELS.map((panel) => panel.id)).size).toBe(PANELS.length)
  })
})

describe('a control chart', () => {
  const name = { zh: '', en: '' }
  const met = (rule: string, at: number, length: number) => ({
    rule,
    at,
    name,
    points: Array.from({ length }, (_, n) => at - length + 1 + n),
  })
  const signals = [
    met('western-electric-1', 4, 1),
    met('western-electric-4', 9, 8),
    met('nelson-2', 10, 9),
    met('western-electric-4', 10, 8),
    met('western-electric-1', 10, 1),
    met('western-electric-4', 20, 8),
  ]

  it('tells of a pattern once, for as long as it lasts, the newest first', () => {
    const told = episodes('individuals', { signals }, 'western-electric')
    expect(told.map(({ rule, first, last, points }) => [rule, first, last, points])).toEqual([
      ['western-electric-4', 13, 20, 8],
      ['western-electric-4', 2, 10, 9],
      ['western-electric-1', 10, 10, 1],
      ['western-electric-1', 4, 4, 1],
    ])
    expect(episodes('ranges', { signals }, 'nelson').map((one) => one.points)).toEqual([9])
  })

  it('marks a point by the gravest pattern that it completes', () => {
    expect([...marked({ signals }, 'western-electric')]).toEqual([
      [4, 'beyond'],
      [9, 'side'],
      [10, 'beyond'],
      [20, 'side'],
    ])
  })

  it('has no line below what its values can be', () => {
    expect(zones({ centre: 10, lower: 4, upper: 16 }).map(([k]) => k)).toEqual([-3, 0, -2, -1, 1, 2, 3])
    expect(zones({ centre: 1, lower: 0, upper: 3.27 }).map(([, value]) => value)).not.toContainEqual(
      expect.closeTo(-0.5, 1),
    )
    expect(zones({ centre: null, lower: null, upper: null })).toEqual([])
  })
})

describe('an axis', () => {
  it('never writes a power of ten', () => {
    for (const value of [7e5, 7e6, 1e9, 1e-4, 7e-7]) expect(formatTick(value, 'en'), String(value)).not.toMatch(/e/i)
  })
})
