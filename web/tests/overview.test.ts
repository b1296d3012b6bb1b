/** The overview follows the configuration, and a kiosk's round with it. */
import { describe, expect, it } from 'vitest'
import type { Indicator, Losses, Overview, Scene } from '../src/api'
import { roundOf, tileFigures, tilesOf } from '../src/domain/overview'

const scene = (id: string): Scene =>
  ({ id, path: `cq/${id}`, name: { zh: id, en: id }, simulated: true, lines: [] }) as never
const SCENES = ['a', 'b', 'c'].map(scene)
const EVERYTHING: Overview['shows'] = ['state', 'oee', 'output', 'defects', 'energy', 'link', 'alarms', 'machines']
const overview = (changed: Partial<Overview> = {}): Overview => ({
  tiles: [],
  shows: EVERYTHING,
  window: '15min',
  columns: null,
  rotate: 20,
  visits: 'all',
  ...changed,
})
const tile = (id: string, changed: Partial<Overview['tiles'][number]> = {}): Overview['tiles'][number] => ({
  scene: id,
  size: 'normal',
  shows: [],
  plan: null,
  ...changed,
})

describe('the tiles', () => {
  it('are all scenes in their order where nothing is said', () => {
    expect(tilesOf(overview(), SCENES).map((one) => one.scene.id)).toEqual(['a', 'b', 'c'])
  })

  it('are those of the configuration, in its order, without scenes that do not run here', () => {
    const tiles = [tile('c', { size: 'large' }), tile('gone'), tile('a', { shows: ['state'] })]
    const found = tilesOf(overview({ tiles }), SCENES)
    expect(found.map((one) => [one.scene.id, one.size])).toEqual([
      ['c', 'large'],
      ['a', 'normal'],
    ])
    expect([...found[1]!.shows]).toEqual(['state'])
    expect(found[0]!.shows.size).toBe(EVERYTHING.length)
  })
})

describe('the round', () => {
  const round = (visits: Overview['visits']) =>
    roundOf(overview({ tiles: [tile('b'), tile('a')], visits }), SCENES).map((one) => one?.id ?? null)

  it('leads through the overview and the scenes that have tiles, or only one of both', () => {
    expect(round('all')).toEqual([null, 'b', 'a'])
    expect(round('scenes')).toEqual(['b', 'a'])
    expect(round('overview')).toEqual([null])
  })
})

const indicator = (id: string, value: number, scope = 'cq/a'): Indicator =>
  ({
    key: `${scope}:${id}`,
    id,
    value,
    scope,
    status: 'ok',
    unit: '1',
    shown: 'number',
    name: { zh: '', en: '' },
  }) as never
const FIGURES = [
  indicator('oee', 0.5),
  indicator('availability', 0.9),
  indicator('good-output', 200),
  indicator('defect-rate', 0.02),
  indicator('energy', 3),
  indicator('latency-p95', 9),
  indicator('mtbf', 900),
]

describe('a tile', () => {
  const shows = (...told: Overview['shows']) => ({ shows: new Set(told), plan: null })
  const ids = (...told: Overview['shows']) => tileFigures(FIGURES, [], shows(...told), 8).figures.map((one) => one.id)

  it('tells what it is asked to tell', () => {
    expect(ids('defects')).toContain('defect-rate')
    expect(ids('defects')).not.toContain('energy')
    expect(ids('link')).toEqual(['latency-p95', 'mtbf'])
    expect(tileFigures(FIGURES, [], shows('energy'), 8).oee).toBeNull()
  })

  it('holds output against the plan, by planned time', () => {
    const losses = [{ scope: 'cq/a', planned: 1800 } as Losses]
    const { output } = tileFigures(FIGURES, losses, { shows: new Set(['output'] as const), plan: 600 }, 8)
    expect(output).toMatchObject({ expected: 300, by: 'plan' })
  })

  it('holds it against the ideal cycle where there is no plan', () => {
    expect(tileFigures(FIGURES, [], shows('output'), 8).output).toMatchObject({ expected: 400, by: 'ideal' })
    expect(tileFigures(FIGURES.slice(1), [], shows('output'), 8).output).toMatchObject({ expected: null, by: null })
  })
})
