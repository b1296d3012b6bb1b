/**
 * A floor plan in pixels, and what stands or moves on it, told from roles and positions alone.
 *
 *     metres, y upwards ──projection──▶ pixels, y downwards
 */
import type { Device, Floor, Scene, Tag } from '../api'

export interface Projection {
  readonly width: number
  readonly height: number
  /** Pixels per metre. */
  readonly scale: number
  readonly x: (metres: number) => number
  readonly y: (metres: number) => number
}

/** Room around the floor, px, so that what stands at its edge is not cut. */
const MARGIN = 10

/** Fit a floor into a width, and into a height where one is given. */
export function project(floor: Pick<Floor, 'width' | 'height'>, width: number, tallest = Infinity): Projection {
  const room = Math.max(1, width - 2 * MARGIN)
  const scale = Math.min(room / floor.width, Math.max(1, tallest - 2 * MARGIN) / floor.height)
  const left = (width - scale * floor.width) / 2
  const height = scale * floor.height + 2 * MARGIN
  return { width, height, scale, x: (m) => left + scale * m, y: (m) => height - MARGIN - scale * m }
}

export interface Mover {
  device: Device
  x: Tag
  y: Tag
  heading: Tag | null
  battery: Tag | null
  order: Tag | null
  /** What it carries, where that is told beside its order. */
  load: Tag | null
  state: Tag | null
  reason: Tag | null
}

const devicesIn = (scene: Scene): Device[] => scene.lines.flatMap((line) => line.devices)

function rolesOf(device: Device, tags: ReadonlyMap<string, Tag>): (...roles: string[]) => Tag | null {
  const own = device.tags.map((path) => tags.get(path)).filter((tag) => tag !== undefined)
  return (...roles) =>
    roles.map((role) => own.find((tag) => tag.role === role)).find((tag) => tag !== undefined) ?? null
}

/** Devices that tell where they are. */
export function moversOf(scene: Scene, tags: ReadonlyMap<string, Tag>): Mover[] {
  return devicesIn(scene).flatMap((device) => {
    const play = rolesOf(device, tags)
    const [x, y] = [play('position-x'), play('position-y')]
    if (!x || !y) return []
    const [order, load] = [play('order', 'part', 'job'), play('part')]
    return [
      {
        device,
        x,
        y,
        heading: play('heading'),
        battery: play('battery'),
        order,
        load: load === order ? null : load,
        state: play('state'),
        reason: play('stop-reason'),
      },
    ]
  })
}

export interface Standing {
  device: Device
  position: [number, number]
  state: Tag | null
}

/** Devices of the plant that are declared to stand somewhere; what moves is not among them. */
export function standingOf(scene: Scene, tags: ReadonlyMap<string, Tag>): Standing[] {
  return devicesIn(scene).flatMap((device) => {
    const play = rolesOf(device, tags)
    if (!device.position || (play('position-x') && play('position-y'))) return []
    return [{ device, position: device.position, state: play('state') }]
  })
}

/** How far to turn a glyph that points to the right, degrees clockwise; a heading is counted from x to y. */
export function turnOf(heading: number | null, unit: string): number | null {
  if (heading === null || !Number.isFinite(heading)) return null
  const degrees = unit === 'deg' ? heading : (heading * 180) / Math.PI
  return -degrees
}

/** The turn nearest to the one before, so that a vehicle never spins the long way round: 350° → 10° is 370°. */
export function nearestTurn(before: number, next: number): number {
  return before + ((((next - before) % 360) + 540) % 360) - 180
}

/** Metres from `metres`, in the unit a tag has. */
export const inMetres = (value: number, unit: string): number =>
  value * (({ m: 1, cm: 0.01, mm: 0.001, km: 1000 } as Record<string, number>)[unit] ?? 1)

const SHORTEST_MS = 200
const LONGEST_MS = 2500
/** Faster than any vehicle on a floor, m/s: such a step is a jump, and no way that was driven. */
const NOT_DRIVEN = 12

export interface Glide {
  x: number
  y: number
  /** How long to be on the way there, ms; 0 for a jump. */
  during: number
}

/** How to move from where a vehicle was drawn to where it now says it is, in the time between its last two words. */
export function glide(
  before: { x: number; y: number; time: number } | null,
  next: { x: number; y: number; time: number },
): Glide {
  const { x, y } = next
  if (!before || next.time <= before.time) return { x, y, during: 0 }
  const elapsed = next.time - before.time
  const metres = Math.hypot(x - before.x, y - before.y)
  if (metres / (elapsed / 1000) > NOT_DRIVEN) return { x, y, during: 0 }
  return { x, y, during: Math.min(LONGEST_MS, Math.max(SHORTEST_MS, elapsed)) }
}

export interface Spot {
  x: number
  y: number
  /** Size of its label, px. */
  width: number
  height: number
}

export type Side = 'below' | 'above' | 'right' | 'left'

/** On which side of its spot each label overlaps neither a spot nor a label; null where there is no room for it. */
export function labelSides(
  spots: readonly Spot[],
  glyph: number,
  room: { width: number; height: number },
): (Side | null)[] {
  const taken = spots.map((spot) => ({
    left: spot.x - glyph,
    right: spot.x + glyph,
    top: spot.y - glyph,
    bottom: spot.y + glyph,
  }))
  return spots.map((spot) => {
    for (const side of ['below', 'above', 'right', 'left'] as const) {
      const box = boxOf(spot, side, glyph)
      const inside = box.left >= 0 && box.right <= room.width && box.top >= 0 && box.bottom <= room.height
      if (inside && taken.every((other) => apart(box, other))) {
        taken.push(box)
        return side
      }
    }
    return null
  })
}

interface Box {
  left: number
  right: number
  top: number
  bottom: number
}

function boxOf({ x, y, width, height }: Spot, side: Side, glyph: number): Box {
  if (side === 'below') return { left: x - width / 2, right: x + width / 2, top: y + glyph, bottom: y + glyph + height }
  if (side === 'above') return { left: x - width / 2, right: x + width / 2, top: y - glyph - height, bottom: y - glyph }
  const left = side === 'right' ? x + glyph : x - glyph - width
  return { left, right: left + width, top: y - height / 2, bottom: y + height / 2 }
}

const apart = (a: Box, b: Box) =>
  a.right <= b.left + 0.01 || b.right <= a.left + 0.01 || a.bottom <= b.top + 0.01 || b.bottom <= a.top + 0.01

/** The zone that a place is in; where zones overlap, the last one declared. */
export function zoneOf(floor: Floor | null | undefined, x: number, y: number): Floor['zones'][number] | null {
  const inside = (zone: Floor['zones'][number]) =>
    x >= zone.x && x <= zone.x + zone.width && y >= zone.y && y <= zone.y + zone.height
  return floor?.zones.filter(inside).at(-1) ?? null
}

const indexed = (tags: readonly Tag[]) => new Map(tags.map((tag) => [tag.path, tag]))

/** Whether there is a floor with something on it. */
export function isLaidOut(scene: Scene, tags: readonly Tag[]): boolean {
  const byPath = indexed(tags)
  return Boolean(scene.floor) && moversOf(scene, byPath).length + standingOf(scene, byPath).length > 0
}

const OF_A_LINK = ['latency', 'loss', 'signal-strength', 'link-event']

/** Whether something moves about the floor that measures the link where it is. */
export function isSurveyed(scene: Scene, tags: readonly Tag[]): boolean {
  const byPath = indexed(tags)
  const measures = (device: Device) => rolesOf(device, byPath)(...OF_A_LINK) !== null
  return Boolean(scene.floor) && moversOf(scene, byPath).some(({ device }) => measures(device))
}
