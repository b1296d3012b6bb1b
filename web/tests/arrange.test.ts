import { describe, expect, it } from 'vitest'
import type { Indicator, Scene, Tag } from '../src/api'
import { arrangeIndicators, deviceKey, deviceOf, devicesOf, inTileOrder, trendGroups } from '../src/domain/arrange'
import { stateOfValue } from '../src/domain/packml'
import { axisTimes, shares, timeline } from '../src/domain/timeline'

const tag = (path: string, change: Partial<Tag> = {}): Tag => ({
  path,
  kind: 'analog',
  role: null,
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
const sceneOf = (tags: Tag[]): Scene => ({
  id: 's',
  path: 'x/s',
  name: { zh: '', en: '' },
  simulated: false,
  page: [],
  stop_reasons: [],
  lines: [
    {
      path: 'x/s/l',
      name: { zh: '', en: '' },
      serial: true,
      devices: [...new Set(tags.map((one) => one.path.split('/').slice(0, 4).join('/')))].map((path) => ({
        path,
        id: path,
        name: { zh: '', en: '' },
        type: 'machine',
        access: 'wired',
        position: null,
        tags: tags.filter((one) => one.path.startsWith(`${path}/`)).map((one) => one.path),
      })),
    },
  ],
})
const byPath = (tags: Tag[]) => new Map(tags.map((one) => [one.path, one]))

describe('a device', () => {
  it('shows its state as a badge and its process before its collecting', () => {
    const tags = [
      tag('x/s/l/d/up', { role: 'health' }),
      tag('x/s/l/d/odd'),
      tag('x/s/l/d/kw', { role: 'power' }),
      tag('x/s/l/d/st', { role: 'state', kind: 'state' }),
      tag('x/s/l/d/ok', { role: 'good-count', kind: 'counter' }),
    ]
    const [view] = devicesOf(sceneOf(tags), byPath(tags))
    expect(view?.state?.path).toBe('x/s/l/d/st')
    expect(view?.tiles.map((one) => one.path.slice(8))).toEqual(['ok', 'kw', 'odd', 'up'])
  })

  it('that only reports on the collecting is told from the machines', () => {
    const tags = [tag('x/s/l/edge/lag', { role: 'health' }), tag('x/s/l/press/kw', { role: 'power' })]
    expect(devicesOf(sceneOf(tags), byPath(tags)).map((view) => view.collector)).toEqual([true, false])
  })

  it('of which nothing is known by role keeps the order it was declared in', () => {
    const tags = ['c', 'a', 'b'].map((name) => tag(`x/s/l/d/${name}`))
    expect(inTileOrder(tags)).toEqual(tags)
  })
})

describe('trends', () => {
  it('put one quantity of several machines into one picture, and units apart', () => {
    const tags = [
      tag('x/s/l/a/p', { role: 'power', unit: 'kW' }),
      tag('x/s/l/b/p', { role: 'power', unit: 'kW' }),
      tag('x/s/l/c/p', { role: 'power', unit: 'W' }),
    ]
    expect(trendGroups(sceneOf(tags), byPath(tags)).map((group) => group.curves.length)).toEqual([2, 1])
  })

  it('of a process value that nothing controls are named by the value, not by a loop', () => {
    const tags = ['a', 'b'].flatMap((d) => [
      tag(`x/s/l/${d}/t`, { role: 'process-value', label: 'oil' }),
      tag(`x/s/l/${d}/p`, { role: 'process-value', label: 'force' }),
    ])
    expect(
      trendGroups(sceneOf(tags), byPath(tags)).map((group) => [group.role, group.device, group.curves.length]),
    ).toEqual([
      ['', null, 2],
      ['', null, 2],
    ])
  })

  it('keep a control loop together and to its device', () => {
    const tags = ['a', 'b'].flatMap((d) => [
      tag(`x/s/l/${d}/sp`, { role: 'setpoint' }),
      tag(`x/s/l/${d}/pv`, { role: 'process-value' }),
    ])
    expect(trendGroups(sceneOf(tags), byPath(tags)).map((group) => [group.role, group.curves.length])).toEqual([
      ['control', 2],
      ['control', 2],
    ])
  })

  it('never put more curves into a picture than can be told apart', () => {
    const tags = Array.from({ length: 15 }, (_, i) => tag(`x/s/l/m${i}/p`, { role: 'power' }))
    expect(trendGroups(sceneOf(tags), byPath(tags)).map((group) => group.curves.length)).toEqual([6, 6, 3])
  })

  it('leave out what is no curve', () => {
    const tags = [
      tag('x/s/l/d/n', { kind: 'counter' }),
      tag('x/s/l/d/t', { kind: 'text' }),
      tag('x/s/l/d/x', { role: 'position-x' }),
    ]
    expect(trendGroups(sceneOf(tags), byPath(tags))).toEqual([])
  })
})

describe('indicators', () => {
  const indicator = (id: string, scope = 'x/s'): Indicator => ({
    key: `${scope}:${id}`,
    id,
    scope,
    name: { zh: '', en: '' },
    value: 1,
    unit: '1',
    shown: 'percent',
    status: 'ok',
    flags: [],
    coverage: 1,
    quality_share: 1,
    note: { zh: '', en: '' },
    simulated: false,
  })

  it('are split into the OEE panel and cards; percentiles share one', () => {
    const { oee, cards } = arrangeIndicators(
      [
        'oee',
        'availability',
        'effectiveness',
        'quality-ratio',
        'teep',
        'good-output',
        'latency-p50',
        'latency-p99',
      ].map((id) => indicator(id)),
    )
    expect(oee.oee?.id).toBe('oee')
    expect(oee.factors.map((one) => one.id)).toEqual(['availability', 'effectiveness', 'quality-ratio'])
    expect(oee.beside.map((one) => one.id)).toEqual(['teep'])
    expect(cards.map((card) => [card.head.id, card.more.length])).toEqual([
      ['good-output', 0],
      ['latency-p50', 1],
    ])
  })

  it('that an operator asks for first stand first', () => {
    const { cards } = arrangeIndicators(
      ['utilization', 'mtbf', 'latency-p99-9', 'latency-p50', 'good-output'].map((id) => indicator(id)),
    )
    expect(cards.map((card) => card.head.id)).toEqual(['good-output', 'latency-p99-9', 'mtbf', 'utilization'])
  })

  it('of many devices alike stand behind what is told of the scene', () => {
    const links = ['a', 'b', 'c', 'd'].map((id) => ({ ...indicator('latency-p50'), scope: `x/s/l/${id}` }))
    const ids = (of: typeof links) =>
      arrangeIndicators([...of, indicator('utilization')]).cards.map((card) => card.head.scope)
    expect(ids(links).at(0)).not.toContain('/l/')
    expect(ids(links.slice(0, 3)).at(-1)).not.toContain('/l/')
  })

  it('of parts of the scene stand behind the whole', () => {
    const { oee, cards } = arrangeIndicators([
      indicator('oee', 'x/s/l/d'),
      indicator('oee'),
      indicator('output'),
      indicator('output', 'x/s/l'),
    ])
    expect(oee.oee?.scope).toBe('x/s')
    expect(cards).toHaveLength(1)
    expect(cards[0]?.parts.map((one) => one.scope)).toEqual(['x/s/l'])
  })

  it('may all be missing', () =>
    expect(arrangeIndicators([])).toEqual({ oee: { oee: null, factors: [], beside: [] }, cards: [] }))
})

describe('states', () => {
  it('are read through the tag’s own table, and never guessed', () => {
    expect(stateOfValue(6, { '6': 'HELD' })).toBe('HELD')
    expect(stateOfValue(7, { '6': 'HELD' })).toBe('UNKNOWN')
    expect(stateOfValue(6, {})).toBe('EXECUTE')
    expect(stateOfValue('execute', {})).toBe('EXECUTE')
    expect(stateOfValue('toString', {})).toBe('UNKNOWN')
    expect(stateOfValue(null, {})).toBe('UNKNOWN')
  })

  it('fill the window: what nobody reported is unknown', () => {
    const stays = timeline(
      [
        { start: 10, stop: 30, state: 'EXECUTE' },
        { start: 30, stop: 40, state: 'EXECUTE' },
        { start: 60, stop: 500, state: 'HELD' },
      ],
      0,
      100,
    )
    expect(stays.map(({ start, stop, state }) => [start, stop, state])).toEqual([
      [0, 10, 'UNKNOWN'],
      [10, 40, 'EXECUTE'],
      [40, 60, 'UNKNOWN'],
      [60, 100, 'HELD'],
    ])
    expect(shares(stays)).toEqual([
      { group: 'held', share: 0.4 },
      { group: 'unknown', share: 0.3 },
      { group: 'running', share: 0.3 },
    ])
  })

  it('leave out what lies between, where they are only a part of the time', () => {
    const made = [{ start: 1000, stop: 2000, state: 'EXECUTE' }]
    expect(timeline(made, 0, 4000, true).map((stay) => stay.state)).toEqual(['EXECUTE'])
    expect(timeline(made, 0, 4000).map((stay) => stay.state)).toEqual(['UNKNOWN', 'EXECUTE', 'UNKNOWN'])
  })

  it('that overlap are not counted twice', () => {
    const stays = timeline(
      [
        { start: 0, stop: 60, state: 'IDLE' },
        { start: 40, stop: 100, state: 'HELD' },
      ],
      0,
      100,
    )
    expect(stays.map(({ start, stop }) => [start, stop])).toEqual([
      [0, 60],
      [60, 100],
    ])
  })

  it('have an axis of round times', () => {
    const start = Date.UTC(2026, 0, 1, 8, 3)
    expect(axisTimes(start, start + 900_000, 6).map((time) => new Date(time).getUTCMinutes())).toEqual([5, 10, 15])
  })
})

it('an address names each device, also when a collector has the same id', () => {
  const scene = sceneOf([tag('x/s/l/d/a')])
  const [line] = scene.lines
  const [press] = line!.devices
  const collector = { ...press!, path: `x/s/edge/${press!.id}` }
  const twice = { ...scene, lines: [...scene.lines, { ...line!, path: 'x/s/edge', devices: [collector] }] }
  expect(deviceKey(twice, press!)).toBe(press!.id)
  for (const device of [press!, collector]) expect(deviceOf(twice, deviceKey(twice, device))?.path).toBe(device.path)
  for (const device of [press!, collector])
    expect(deviceOf(twice, device.path.slice(twice.path.length + 1))?.path).toBe(device.path)
})
