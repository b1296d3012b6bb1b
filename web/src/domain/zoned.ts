/** Wall-clock times of a zone as moments. */

/**
 * The moment, in milliseconds, at which clocks in `zone` show `wall`, e.g. `2026-11-21T08:00`; NaN for what is no time.
 *
 * Of an hour that happens twice it is the first; in an hour that is skipped, as far after the gap as the clock was
 * meant to show.
 */
export function momentIn(zone: string, wall: string): number {
  const shown = Date.parse(`${wall}Z`)
  if (Number.isNaN(shown)) return NaN
  const day = 86_400_000
  const before = shown - offset(zone, shown - day)
  const after = shown - offset(zone, shown + day)
  return before + offset(zone, before) === shown ? before : after + offset(zone, after) === shown ? after : before
}

/** How far clocks in `zone` are ahead of UTC, in milliseconds. */
function offset(zone: string, moment: number): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(moment)
  const part = (type: string) => Number(parts.find((one) => one.type === type)?.value)
  const wall = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
  return wall - Math.floor(moment / 1000) * 1000
}
