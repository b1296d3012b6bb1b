/** Control loops: a value that is to follow another one, and the cycles that came too late for it. */
import type { Device, History, Scene, Tag } from '../api'

export interface Loop {
  device: Device
  value: Tag
  target: Tag
  /** Largest deviation, as a share of the target; null where none is told. */
  tolerance: Tag | null
  deadline: Tag | null
  missed: Tag | null
}

/** Every process value with a set-point of the same label and unit on the same device. */
export function loopsOf(scene: Scene, tags: ReadonlyMap<string, Tag>): Loop[] {
  return scene.lines
    .flatMap((line) => line.devices)
    .flatMap((device) => {
      const own = device.tags.flatMap((path) => tags.get(path) ?? [])
      const role = (name: string) => own.find((tag) => tag.role === name) ?? null
      const named = (label: string) => own.find((tag) => tag.role === 'setpoint' && tag.label === label) ?? null
      return own
        .filter((tag) => tag.role === 'process-value')
        .flatMap((value) => {
          const target = own.find(
            (tag) => tag.role === 'setpoint' && tag.label === value.label && tag.unit === value.unit,
          )
          if (!target) return []
          return {
            device,
            value,
            target,
            tolerance: named('tolerance'),
            deadline: named('deadline'),
            missed: role('deadline-missed'),
          }
        })
    })
}

/** How far a counter rose in each bucket of its history; a fall is a new beginning and counts from zero. */
export function rises(history: Pick<History, 'start' | 'last'>): { start: number; rise: number }[] {
  let before: number | null = null
  return history.start.flatMap((start, i) => {
    const last = history.last[i]
    if (typeof last !== 'number') return []
    const rise: number = before === null ? 0 : last >= before ? last - before : last
    before = last
    return { start, rise }
  })
}
