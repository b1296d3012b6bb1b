/**
 * A line as people see it: stations in the order of flow, what waits between them, who waits for
 * whom, and which station sets the pace. All of it from roles and states.
 */
import type { Device, Line, Scene, Tag } from '../api'
import type { Group } from './packml'
import type { Stay } from './timeline'

export interface StationView {
  device: Device
  state: Tag | null
  /** What it works on: the job, else the product. */
  job: Tag | null
  product: Tag | null
  cycle: Tag | null
  ideal: Tag | null
  good: Tag | null
  reject: Tag | null
  reason: Tag | null
  blocked: Tag | null
  starved: Tag | null
  /** Pieces that wait before it. */
  buffers: Tag[]
}

export interface LineView {
  line: Line
  stations: StationView[]
}

const FEWEST_STATIONS = 2

/** Lines whose devices pass parts to each other: serial, with two machines at least that have a state. */
export function lineViews(scene: Scene, tags: ReadonlyMap<string, Tag>): LineView[] {
  return scene.lines
    .filter((line) => line.serial)
    .map((line) => ({ line, stations: line.devices.map((device) => stationOf(device, tags)).filter(isPart) }))
    .filter(({ stations }) => stations.filter((one) => one.state !== null).length >= FEWEST_STATIONS)
}

function stationOf(device: Device, tags: ReadonlyMap<string, Tag>): StationView {
  const own = device.tags.flatMap((path) => tags.get(path) ?? [])
  const role = (name: string) => own.find((tag) => tag.role === name) ?? null
  return {
    device,
    state: role('state'),
    job: role('job'),
    product: role('product'),
    cycle: role('cycle-time'),
    ideal: role('ideal-cycle'),
    good: role('good-count'),
    reject: role('reject-count'),
    reason: role('stop-reason'),
    blocked: role('blocked'),
    starved: role('starved'),
    buffers: own.filter((tag) => tag.role === 'buffer-level'),
  }
}

const isPart = (station: StationView) => station.state !== null || station.buffers.length > 0

export type Waiting = 'blocked' | 'starved' | 'waiting'

/** What is known of one station at this moment. */
export interface StationNow {
  group: Group
  /** What its own signals say; null where it has none. */
  blocked: boolean | null
  starved: boolean | null
  /** Its own words for the stop. */
  reason: string
}

export interface Wait {
  what: Waiting
  /** Who says so: the machine itself, or the machines beside it. */
  by: 'machine' | 'neighbours'
}

/**
 * Who a station waits for; null for one that does not wait. A machine in SUSPENDED waits for something
 * outside itself: for the next one where that stands still, for the one before where that does.
 */
export function waitOf(stations: readonly StationNow[], at: number): Wait | null {
  const one = stations[at]
  if (!one) return null
  if (one.blocked) return { what: 'blocked', by: 'machine' }
  if (one.starved) return { what: 'starved', by: 'machine' }
  if (one.group !== 'waiting') return null
  const said = one.reason.trim().toLowerCase()
  if (said === 'blocked' || said === 'starved') return { what: said, by: 'machine' }
  const works = (other: StationNow | undefined) => other !== undefined && MOVING.has(other.group)
  const [before, after] = [stations[at - 1], stations[at + 1]]
  if (after && !works(after) && (!before || works(before))) return { what: 'blocked', by: 'neighbours' }
  if (before && !works(before) && (!after || works(after))) return { what: 'starved', by: 'neighbours' }
  return { what: 'waiting', by: 'neighbours' }
}

const MOVING: ReadonlySet<Group> = new Set(['running', 'changing'])
const WAITS: ReadonlySet<Group> = new Set(['waiting', 'ready', 'complete'])

export interface Pace {
  device: string
  /** Share of its known time in which it did not wait for others, 0…1. */
  busy: number
}

/** At least this share of the window has to be known of a station. */
const KNOWN = 0.5
/** Stations closer together than this cannot be told apart. */
const CLEAR = 0.02

/**
 * The station that waits least for the others, and so sets the pace; null where none stands out.
 * `rows`: the stays of every station over one window.
 */
export function bottleneck(rows: readonly { device: string; stays: readonly Stay[] }[]): Pace | null {
  const paces = rows.map(({ device, stays }) => {
    const spent = (which: (group: Group) => boolean) =>
      stays.filter((stay) => which(stay.group)).reduce((sum, stay) => sum + stay.stop - stay.start, 0)
    const whole = spent(() => true)
    const known = spent((group) => group !== 'unknown')
    const waited = spent((group) => WAITS.has(group))
    return { device, busy: known > 0 ? 1 - waited / known : 0, sure: known >= KNOWN * whole && known > 0 }
  })
  if (paces.length < FEWEST_STATIONS || paces.some((one) => !one.sure)) return null
  const [first, second] = [...paces].sort((a, b) => b.busy - a.busy)
  if (!first || !second || first.busy - second.busy < CLEAR) return null
  return { device: first.device, busy: first.busy }
}
