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
const NOT_A_TREND = new Set([
  'ideal-cycle',
  'position-x',
  'position-y',
  'heading',
  'health',
  'condition',
  'clock-error',
])
const CONTROL = new Set(['process-value', 'setpoint', 'command'])

/** More curves than this in one picture cannot be told apart. */
const MOST_CURVES = 6

export interface DeviceView {
  device: Device
  state: Tag | null
  tiles: Tag[]
  /** It is part of the collecting, not of the plant. */
  collector: boolean
}

export function devicesOf(scene: Scene, tags: ReadonlyMap<string, Tag>): DeviceView[] {
  return scene.lines.flatMap((line) =>
    line.devices.map((device) => {
      const own = device.tags.map((path) => tags.get(path)).filter((tag) => tag !== undefined)
      const state = own.find((tag) => tag.role === 'state') ?? own.find((tag) => tag.kind === 'state') ?? null
      const tiles = inTileOrder(own.filter((tag) => tag !== state))
      const collector = own.length > 0 && own.every((tag) => tag.role !== null && TILE_LAST.includes(tag.role))
      return { device, state, tiles, collector }
    }),
  )
}

/** What names a device in an address: its id, or line and id where another device has that id before it. */
export function deviceKey(scene: Scene, device: Device): string {
  const first = scene.lines.flatMap((line) => line.devices).find((other) => other.id === device.id)
  return first?.path === device.path ? device.id : device.path.slice(scene.path.length + 1)
}

/** Line and id name every device, whether or not its id alone would do. */
export function deviceOf(scene: Scene, key: string): Device | null {
  const devices = scene.lines.flatMap((line) => line.devices)
  return (
    devices.find((device) => deviceKey(scene, device) === key) ??
    devices.find((device) => device.path === `${scene.path}/${key}`) ??
    null
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
  /** Role that all curves share and that names the picture; empty where the first tag's own name does. */
  role: string
  /** The device, where the group is one device's control loop. */
  device: Device | null
  unit: string
  symbol: string
  curves: { tag: Tag; device: Device }[]
}

/** Curves that belong in one picture: one quantity of several machines, or one control loop. */
export function trendGroups(scene: Scene, tags: ReadonlyMap<string, Tag>): TrendGroup[] {
  const groups = new Map<string, TrendGroup>()
  for (const device of scene.lines.flatMap((line) => line.devices)) {
    const own = device.tags.map((path) => tags.get(path)).filter((tag) => tag !== undefined)
    for (const tag of own.filter(isTrend)) {
      const loop = inLoop(tag, own)
      const signal = tag.path.slice(tag.path.lastIndexOf('/') + 1)
      const what = `${tag.role ?? signal} ${tag.label} ${tag.unit}`
      const key = loop ? `control ${device.path} ${tag.label} ${tag.unit}` : what
      const found = groups.get(key)
      if (found) found.curves.push({ tag, device })
      else {
        const role = loop ? 'control' : tag.label ? '' : (tag.role ?? '')
        const fresh = { key, role, device: loop ? device : null, unit: tag.unit, symbol: tag.symbol }
        groups.set(key, { ...fresh, curves: [{ tag, device }] })
      }
    }
  }
  return stableSort([...groups.values()].flatMap(splitWide), (group) => placeIn(TREND_ORDER, group.role))
}

const isTrend = (tag: Tag) => tag.kind === 'analog' && !(tag.role !== null && NOT_A_TREND.has(tag.role))

/** A process value alone is no loop: it takes a setpoint or a command beside it. */
function inLoop(tag: Tag, own: readonly Tag[]): boolean {
  const same = (other: Tag) => other.label === tag.label && other.unit === tag.unit
  return (
    CONTROL.has(tag.role ?? '') &&
    own.some((other) => (other.role === 'setpoint' || other.role === 'command') && same(other))
  )
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
/** What an operator asks for first; the other figures are a step away. */
const CARDS_FIRST = [
  'good-output',
  'defect-rate',
  'energy-per-good-piece',
  'latency',
  'delay',
  'loss-ratio',
  'mtbf',
  'mttr',
]

/** More cards of one family than this are those of single devices or links: they follow what is told of the scene. */
const MOST_ALIKE = 3

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
  const oee = {
    oee: first('oee'),
    factors: OEE_FAMILY.slice(1).flatMap((id) => first(id) ?? []),
    beside: OEE_BESIDE.flatMap((id) => first(id) ?? []),
  }
  const shown = new Set([...OEE_FAMILY, ...OEE_BESIDE])
  const cards = new Map<string, Card>()
  for (const head of heads.filter((one) => !shown.has(one.id))) {
    const family = familyOf(head)
    const key = `${family} ${head.scope}`
    const card = cards.get(key)
    const parts = indicators.filter((one) => one.id === head.id && one.scope.startsWith(`${head.scope}/`))
    if (card) card.more.push(head)
    else cards.set(key, { key, head, more: [], parts })
  }
  const found = [...cards.values()]
  const alike = (card: Card) => found.filter((other) => familyOf(other.head) === familyOf(card.head)).length
  const rank = (card: Card) =>
    placeIn(CARDS_FIRST, familyOf(card.head)) + (alike(card) > MOST_ALIKE ? CARDS_FIRST.length + 1 : 0)
  return { oee, cards: stableSort(found, rank) }
}

/** Percentiles of one quantity are one family: `latency-p50`, `latency-p99-9`. */
const familyOf = (indicator: Indicator) => indicator.id.replace(/-p\d+(-\d+)?$/, '')

function placeIn(order: readonly string[], role: string | null): number {
  const place = role === null ? -1 : order.indexOf(role)
  return place < 0 ? order.length : place
}

function stableSort<T>(items: readonly T[], rank: (item: T) => number): T[] {
  return [...items].sort((a, b) => rank(a) - rank(b))
}
