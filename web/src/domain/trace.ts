/** The way of one product as people follow it: stations in order, how long between them, and who has not seen it. */
import type { Trace, Visit } from '../api-places'

export interface Stop {
  visit: Visit
  /** ms since the station before; null for the first. */
  after: number | null
  /** Which visit to this station it is, from 1: products come back for rework. */
  time: number
}

export function stopsOf({ visits }: Trace): Stop[] {
  const seen = new Map<string, number>()
  return visits.map((visit, n) => {
    const time = (seen.get(visit.device) ?? 0) + 1
    seen.set(visit.device, time)
    const before = visits[n - 1]
    return { visit, after: before ? visit.time - before.time : null, time }
  })
}

/** Stations that have not told of the product. */
export function notSeenAt({ stations, visits }: Trace): string[] {
  const seen = new Set(visits.map((visit) => visit.device))
  return stations.filter((station) => !seen.has(station))
}

/** From the first station that told of it to the last, ms. */
export function lasted({ visits }: Trace): number {
  const first = visits[0]
  const last = visits.at(-1)
  return first && last ? last.time - first.time : 0
}

/** What people type or scan, as it is looked up: no blanks around it, no line end of a scanner. */
export const cleaned = (typed: string): string =>
  typed
    .replace(/[\u0000-\u001f\u007f]/g, '')
    .trim()
    .slice(0, 255)
