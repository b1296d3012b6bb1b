/**
 * What a page shows, from roles and kinds alone: a scene that exists only as configuration gets a
 * sensible page, and nothing here knows any scene, device or tag by name.
 */
import type { Device, Indicator, Scene, Tag } from '../api'

/** What an operator looks at first stands first; a role not listed comes after, in declared order. */
const TILE_ORDER = [
  'mode',
  'stop-reason',
  'alarm',
  'product',
  'job',
  'part',
  'process-value',
  'setpoint',
  'command',
  'speed',
  'cycle-time',
  'good-count',
  'reject-count',
  'rework-count',
  'total-count',
  'planned-count',
  'transport-count',
  'verdict',
  'decision',
  'duration',
  'buffer-level',
  'stock',
  'blocked',
  'starved',
  'power',
  'energy',
  'consumption',
  'latency',
  'latency-up',
  'latency-down',
  'jitter',
  'loss',
  'signal-strength',
  'clock-error',
  'battery',
  'order',
]
/** Facts about the collecting, or about the plan, rather than about the process. */
const TILE_LAST = ['ideal-cycle', 'condition', 'health']

const TREND_ORDER = [
  'control',
  'power',
  'speed',
  'cycle-time',
  'latency',
  'latency-up',
  'latency-down',
  'jitter',
  'loss',
  'signal-strength',
  'battery',
  'buffer-level',
  'stock',
  'duration',
]
/** Analog, yet a curve over time says nothing. */
const NOT_A_TREND = new Set(['ideal-cycle', 'position-x', 'position-y', 'heading', 'health', 'condition', 'clock-error'])
const CONTROL = new Set(['process-value', 'setpoint', 'command'])

/** More curves than this in one picture cannot be told apart. */
const MOST_CURVES = 6

export interface DeviceView {
  device: Device
  line: string
  state: Tag | null
  tiles: Tag[]
}

export function devicesOf(scene: Scene, tags: ReadonlyMap<string, Tag>): DeviceView[] {
  return scene.lines.flatMap((line) =>
    line.devices.map((device) => {
      const own = device.tags.map((path) => tags.get(path)).filter((tag) => tag !== undefined)
      const state = own.find((tag) => tag.role === 'state') ?? own.find((tag) => tag.kind === 'state') ?? null
      return { device, line: line.path, state, tiles: inTileOrder(own.filter((tag) => tag !== state)) }
    }),
  )
}

export function inTileOrder(tags: readonly Tag[]): Tag[] {
  const rank = (tag: Tag) => {
    if (tag.role !== null && TILE_LAST.includes(tag.role)) return 1000 + TILE_LAST.indexOf(tag.role)
    return placeIn(TILE_ORDER, tag.role)
  }
  return stableSort(tags, rank)
}

export interface TrendGroup {
  key: string
  /** Role that all curves share; empty when they only share a signal name. */
  role: string
  /** The device, where the group is one device's control loop. */
  device: Device | null
  signal: string
  unit: string
  symbol: string
  curves: { tag: Tag; device: Device }[]
}

/** Curves that belong in one picture: one quantity of several machines, or one control loop. */
export function trendGroups(scene: Scene, tags: ReadonlyMap<string, Tag>): TrendGroup[] {
  const groups = new Map<string, TrendGroup>()
  for (const device of scene.lines.flatMap((line) => line.devices)) {
    for (const path of device.tags) {
      const tag = tags.get(path)
      if (tag?.kind !== 'analog' || (tag.role !== null && NOT_A_TREND.has(tag.role))) continue
      const role = tag.role ?? ''
      const loop = CONTROL.has(role)
      const signal = path.slice(path.lastIndexOf('/') + 1)
      const key = loop ? `control ${device.path} ${tag.unit}` : `${role || signal} ${tag.unit}`
      const found = groups.get(key)
      if (found) found.curves.push({ tag, device })
      else {
        const fresh = { key, role: loop ? 'control' : role, device: loop ? device : null, signal }
        groups.set(key, { ...fresh, unit: tag.unit, symbol: tag.symbol, curves: [{ tag, device }] })
      }
    }
  }
  return stableSort([...groups.values()].flatMap(splitWide), (group) => placeIn(TREND_ORDER, group.role))
}

function splitWide(group: TrendGroup): TrendGroup[] {
  const parts = Math.ceil(group.curves.length / MOST_CURVES)
  return Array.from({ length: parts }, (_, i) => ({
    ...group,
    key: `${group.key} ${i}`,
    curves: group.curves.slice(i * MOST_CURVES, (i + 1) * MOST_CURVES),
  }))
}

const OEE_FAMILY = ['oee', 'availability', 'effectiveness', 'quality-ratio']
const OEE_BESIDE = ['nee', 'teep']

export interface OeeView {
  oee: Indicator | null
  factors: Indicator[]
  beside: Indicator[]
}

export interface Card {
  key: string
  head: Indicator
  /** Others of the same card, e.g. the percentiles beside the median. */
  more: Indicator[]
  /** The same figure for parts of the scene. */
  parts: Indicator[]
}

/** Split a scene's indicators into the OEE panel and the cards beside it. */
export function arrangeIndicators(indicators: readonly Indicator[]): { oee: OeeView; cards: Card[] } {
  const widest = new Map<string, number>()
  const depth = (indicator: Indicator) => indicator.scope.split('/').length
  for (const one of indicators) widest.set(one.id, Math.min(depth(one), widest.get(one.id) ?? Infinity))
  const heads = indicators.filter((one) => depth(one) === widest.get(one.id))
  const first = (id: string) => heads.find((one) => one.id === id) ?? null
  const oee = { oee: first('oee'), factors: OEE_FAMILY.slice(1).flatMap((id) => first(id) ?? []), beside: OEE_BESIDE.flatMap((id) => first(id) ?? []) }
  const shown = new Set([...OEE_FAMILY, ...OEE_BESIDE])
  const cards = new Map<string, Card>()
  for (const head of heads.filter((one) => !shown.has(one.id))) {
    const family = head.id.replace(/-p\d+$/, '')
    const key = `${family} ${head.scope}`
    const card = cards.get(key)
    const parts = indicators.filter((one) => one.id === head.id && one.scope.startsWith(`${head.scope}/`))
    if (card) card.more.push(head)
    else cards.set(key, { key, head, more: [], parts })
  }
  return { oee, cards: [...cards.values()] }
}

function placeIn(order: readonly string[], role: string | null): number {
  const place = role === null ? -1 : order.indexOf(role)
  return place < 0 ? order.length : place
}

function stableSort<T>(items: readonly T[], rank: (item: T) => number): T[] {
  return [...items].sort((a, b) => rank(a) - rank(b))
}
