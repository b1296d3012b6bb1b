import { formatDate, formatTime } from '../domain/format'
import type { Range } from '../domain/zoom'

/** `2026-11-20 08:00 – 16:00`, by the clocks of a zone; the second day only where it is another one. */
export function spanWords({ start, stop }: Range, zone: string): string {
  const at = (time: number) => formatTime(time, zone, { seconds: false })
  const [first, last] = [formatDate(start, zone), formatDate(stop, zone)]
  return `${first} ${at(start)} – ${first === last ? '' : `${last} `}${at(stop)}`
}
