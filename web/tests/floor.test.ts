import { describe, expect, it } from 'vitest'
import type { Device, Scene, Tag } from '../src/api'
import type { HandOver, Layer, Pair, Stock, Trace } from '../src/api-places'
import {
  glide,
  inMetres,
  isLaidOut,
  isSurveyed,
  labelSides,
  moversOf,
  nearestTurn,
  project,
  standingOf,
  turnOf,
  zoneOf,
} from '../src/domain/floor'
import { isDead, MOST_STEPS, scaleOf, shadeOf, stepOf, valuesOf } from '../src/domain/floor-heat'
import { arrowsOf, between, isSlow, longest, median, scaled } from '../src/domain/handshake'
import { agreement, callsFor, differenceOf, placeKey, placesOf } from '../src/domain/stock'
import { cleaned, lasted, notSeenAt, stopsOf } from '../src/domain/trace'

const NOBODY = { zh: '', en: '' }
const tag = (path: string, role: string | null, change: Partial<Tag> = {}): Tag => ({
  path,
  kind: 'analog',
  role,
  label: '',
  unit: 'm',
  symbol: '',
  low: null,
  high: null,
  deadband: 0,
  stale_after: 10,
  description: NOBODY,
  states: {},
  simulated: false,
  source: '',
  address: null,
  ...change,
})
const device = (id: string, tags: Tag[], position: [number, number] | null = null): Device => ({
  path: `x/s/l/${id}`,
  id,
  name: NOBODY,
  type: 'anything',
  access: '5g',
  position,
  tags: tags.map((one) => one.path),
})
const FLOOR = {
  width: 40,
  height: 20,
  zones: [
    { id: 'hall', name: NOBODY, x: 0, y: 0, width: 40, height: 20 },
    { id: 'store', name: NOBODY, x: 30, y: 10, width: 10, height: 10 },
  ],
  walls: [],
  access_points: [],
}
const sceneOf = (devices: Device[], floor: Scene['floor'] = FLOOR): Scene => ({
  id: 's',
  path: 'x/s',
  name: NOBODY,
  simulated: false,
  stop_reasons: [],
  page: [],
  floor,
  lines: [{ path: 'x/s/l', name: NOBODY, serial: false, devices }],
})

const moving = ['position-x', 'position-y', 'heading', 'battery', 'state'].map((role) =>
  tag(`x/s/l/cart/${role}`, role),
)
const cart = device('cart', moving, [1, 1])
const oven = device('oven', [tag('x/s/l/oven/t', null)], [5, 5])
const ghost = device('ghost', [tag('x/s/l/ghost/x', 'position-x')])
const known = new Map(moving.map((one) => [one.path, one]))

describe('a floor plan', () => {
  it('keeps proportions and turns y around', () => {
    const plan = project(FLOOR, 420)
    expect(plan.scale).toBe(10)
    expect([plan.x(0), plan.x(40), plan.y(0), plan.y(20)]).toEqual([10, 410, 210, 10])
  })

  it('is no higher than there is room for, and then in the middle', () => {
    const plan = project(FLOOR, 1000, 120)
    expect(plan.height).toBeLessThanOrEqual(120)
    expect(plan.x(20)).toBe(500)
  })

  it('tells what moves and what stands by roles and positions alone', () => {
    const scene = sceneOf([cart, oven, ghost])
    expect(moversOf(scene, known).map((one) => one.device.id)).toEqual(['cart'])
    expect(moversOf(scene, known)[0]?.battery?.role).toBe('battery')
    expect(moversOf(scene, known)[0]?.order).toBeNull()
    const [order, load] = [tag('x/s/l/cart/order', 'order'), tag('x/s/l/cart/load', 'part')]
    const carrying = (tags: Tag[]) =>
      moversOf(sceneOf([device('cart', tags)]), new Map(tags.map((one) => [one.path, one])))[0]
    expect(carrying([...moving, order, load])).toMatchObject({ order, load })
    expect(carrying([...moving, load])).toMatchObject({ order: load, load: null })
    expect(standingOf(scene, known).map((one) => one.device.id)).toEqual(['oven'])
  })

  it('applies where there is a floor with something on it', () => {
    expect(isLaidOut(sceneOf([oven]), [])).toBe(true)
    expect(isLaidOut(sceneOf([ghost]), [])).toBe(false)
    expect(isLaidOut(sceneOf([oven], null), [])).toBe(false)
  })

  it('has a map of the link where something measures it on the move', () => {
    const probe = tag('x/s/l/cart/rtt', 'latency')
    const walking = device('cart', [...moving, probe])
    expect(isSurveyed(sceneOf([walking]), [...moving, probe])).toBe(true)
    expect(isSurveyed(sceneOf([cart]), moving)).toBe(false)
    expect(isSurveyed(sceneOf([device('fixed', [probe], [1, 1])]), [probe])).toBe(false)
  })

  it('knows in which zone a place is, the inner one where two overlap', () => {
    expect(zoneOf(FLOOR, 35, 15)?.id).toBe('store')
    expect(zoneOf(FLOOR, 5, 5)?.id).toBe('hall')
    expect(zoneOf(null, 5, 5)).toBeNull()
  })
})

describe('a vehicle', () => {
  it('heads where its angle from x to y says, on a screen whose y points down', () => {
    expect(turnOf(Math.PI / 2, 'rad')).toBeCloseTo(-90)
    expect(turnOf(90, 'deg')).toBeCloseTo(-90)
    expect(turnOf(null, 'rad')).toBeNull()
  })

  it('turns the short way', () => {
    expect(nearestTurn(350, 10)).toBeCloseTo(370)
    expect(nearestTurn(-170, 170)).toBeCloseTo(-190)
    expect(nearestTurn(0, 90)).toBeCloseTo(90)
  })

  it('glides for as long as it drove, and jumps where nobody could have driven', () => {
    const before = { x: 0, y: 0, time: 1000 }
    expect(glide(before, { x: 1, y: 0, time: 2000 }).during).toBe(1000)
    expect(glide(before, { x: 1, y: 0, time: 60_000 }).during).toBe(2500)
    expect(glide(before, { x: 100, y: 0, time: 2000 })).toEqual({ x: 100, y: 0, during: 0 })
    expect(glide(null, before).during).toBe(0)
  })

  it('may tell its place in other units of length', () => {
    expect(inMetres(1500, 'mm')).toBeCloseTo(1.5)
    expect(inMetres(3, 'm')).toBe(3)
  })

  it('is named where there is room, never over another', () => {
    const spot = (x: number, y: number) => ({ x, y, width: 60, height: 14 })
    const room = { width: 400, height: 200 }
    expect(labelSides([spot(200, 100), spot(200, 120)], 10, room)).toEqual(['above', 'below'])
    expect(labelSides([spot(200, 195)], 10, room)).toEqual(['above'])
    expect(labelSides([spot(10, 100)], 10, room)).toEqual(['right'])
    const crowd = Array.from({ length: 12 }, () => spot(200, 100))
    expect(labelSides(crowd, 10, room).filter((side) => side === null).length).toBeGreaterThanOrEqual(8)
  })
})

const layer = (change: Partial<Layer>): Layer => ({ measure: 'delay', unit: 'ms', needed: 20, cells: [], ...change })
const cell = (value: number | null, status: 'ok' | 'insufficient-data' | 'unbounded' = 'ok') => ({
  column: 0,
  row: 0,
  samples: 30,
  value,
  status,
})

describe('a map of the link', () => {
  it('has few steps with round bounds that cover every value', () => {
    for (const values of [
      [10.9, 15.8],
      [0, 10],
      [-81.8, -59.8],
      [0.013, 0.9],
      [3, 3.0001],
      [0, 1e6],
    ]) {
      const scale = scaleOf(values)
      expect(scale.bounds.length).toBeLessThanOrEqual(MOST_STEPS)
      expect(scale.bounds[0]).toBeLessThanOrEqual(Math.min(...values))
      expect(scale.top).toBeGreaterThanOrEqual(Math.max(...values) - 1e-9)
      expect(values.map((value) => stepOf(value, scale)).every((step) => step < scale.bounds.length)).toBe(true)
    }
    expect(scaleOf([10.9, 15.8]).bounds).toEqual([10, 11, 12, 13, 14, 15])
  })

  it('has one step for one value and none for none', () => {
    expect(scaleOf([0, 0]).bounds).toEqual([0])
    expect(scaleOf([]).width).toBe(0)
  })

  it('shades a strong signal and a short delay as good', () => {
    const scale = scaleOf([0, 30])
    const last = scale.bounds.length - 1
    expect(shadeOf(0, scale, 'delay')).toBe(0)
    expect(shadeOf(last, scale, 'delay')).toBe(MOST_STEPS - 1)
    expect(shadeOf(last, scale, 'signal')).toBe(0)
  })

  it('calls a spot dead where nothing arrives, or not as agreed, and never without enough samples', () => {
    expect(isDead(cell(null, 'unbounded'), layer({}), null)).toBe(true)
    expect(isDead(cell(60), layer({}), 50)).toBe(true)
    expect(isDead(cell(60), layer({}), null)).toBe(false)
    expect(isDead(cell(50), layer({ measure: 'loss' }), null)).toBe(true)
    expect(isDead(cell(null, 'insufficient-data'), layer({}), 0)).toBe(false)
    expect(valuesOf(layer({ cells: [cell(3), cell(null, 'unbounded')] }))).toEqual([3])
  })
})

describe('stock', () => {
  const places = ['store-board', 'store-screw-set', 'line-board', 'counted', 'recorded', ''].map((label) =>
    tag(`x/s/l/book/${label || 'none'}`, 'stock', { label }),
  )

  it('is a table of areas and items', () => {
    const table = placesOf([...places, tag('x/s/l/a/b', 'power')])
    expect(table.areas).toEqual(['store', 'line'])
    expect(table.items).toEqual(['board', 'screw-set'])
    expect(table.at.get(placeKey('store', 'screw-set'))?.id).toBe('store-screw-set')
    expect(table.at.has(placeKey('line', 'screw-set'))).toBe(false)
  })

  it('tells by how much a count was off, and how many were right', () => {
    const count = (counted: number, recorded: number | null) => ({ place: 'p', time: 1, counted, recorded })
    expect(differenceOf(count(98, 100))).toBe(-2)
    expect(differenceOf(count(98, null))).toBeNull()
    expect(differenceOf(undefined)).toBeNull()
    expect(agreement([count(5, 5), count(4, 5), count(4, null)])).toEqual({ right: 1, all: 2 })
  })

  it('has the oldest open call of an item first', () => {
    const calls: Stock['calls'] = [
      { item: 'board', time: 9, device: 'd' },
      { item: 'cable', time: 1, device: 'd' },
      { item: 'board', time: 3, device: 'd' },
    ]
    expect(callsFor('board', calls).map((call) => call.time)).toEqual([3, 9])
  })
})

describe('a hand-shake', () => {
  const one = (time: number, words: (number | null)[], seconds: number | null = null): HandOver => ({
    time,
    seconds: seconds ?? words.reduce<number>((sum, word) => sum + (word ?? 0), 0),
    words: { ready: words[0] ?? null, free: words[1] ?? null },
    missed: false,
    trusted: true,
  })
  const pair: Pair = {
    giver: 'a',
    receiver: 'b',
    words: ['ready', 'free'],
    simulated: true,
    hand_overs: [one(1, [0.01, 0.01]), one(2, [0.012, 0.01]), one(3, [0.2, 0.011]), one(4, [0.01, null], 0.05)],
  }

  it('is spoken in turn, and a word is slow that took several times as long as usual', () => {
    const [ready, free] = arrowsOf(pair, pair.hand_overs[2]!)
    expect([ready?.from, free?.from]).toEqual(['giver', 'receiver'])
    expect([ready?.slow, free?.slow]).toEqual([true, false])
    expect(isSlow(pair, pair.hand_overs[0]!)).toBe(false)
  })

  it('is not slow for less than anybody would notice', () => {
    const quick = { ...pair, hand_overs: [one(1, [0.0001, 0.0001]), one(2, [0.0001, 0.0001]), one(3, [0.004, 0.0001])] }
    expect(isSlow(quick, quick.hand_overs[2]!)).toBe(false)
  })

  it('has time between its words, and a word that was not heard is not known', () => {
    expect(between(pair.hand_overs[3]!)).toBeCloseTo(0.04)
    expect(arrowsOf(pair, pair.hand_overs[3]!)[1]?.seconds).toBeNull()
    expect(longest([pair])).toBeCloseTo(0.211)
  })

  it('is told in the unit that fits', () => {
    expect(scaled(0.00164)).toEqual({ value: 1.64, unit: 'ms' })
    expect(scaled(2.5)).toEqual({ value: 2.5, unit: 's' })
    expect([median([]), median([3, 1, 2]), median([1, 2])]).toEqual([null, 2, 1.5])
  })
})

describe('a trace', () => {
  const visit = (at: string, time: number) => ({
    device: at,
    tag: `${at}/id`,
    time,
    received: time,
    quality: 0,
    until: null,
    facts: [],
  })
  const way: Trace = {
    identifier: 'P1',
    since: 0,
    simulated: true,
    stations: ['mark', 'check', 'pack'],
    visits: [visit('mark', 1000), visit('check', 61_000), visit('check', 90_000)],
  }

  it('tells how long between stations, returns, and who has not seen the product', () => {
    expect(stopsOf(way).map((stop) => [stop.after, stop.time])).toEqual([
      [null, 1],
      [60_000, 1],
      [29_000, 2],
    ])
    expect(notSeenAt(way)).toEqual(['pack'])
    expect(lasted(way)).toBe(89_000)
    expect(lasted({ ...way, visits: [] })).toBe(0)
  })

  it('takes what a scanner types, without its line end', () => {
    expect(cleaned(' 88.1021.150/P1\r\n')).toBe('88.1021.150/P1')
    expect(cleaned('x'.repeat(400))).toHaveLength(255)
  })
})
