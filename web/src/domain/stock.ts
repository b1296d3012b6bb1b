/** Places of stock by area and item, each with what the records say now, what was counted last, and what is called for. */
import type { Stock } from '../api-places'
import type { Tag } from '../api'

/** Labels of a count itself; every other label of the role `stock` names a place. */
const OF_A_COUNT = new Set(['counted', 'recorded'])

export interface Place {
  /** The label of its record, e.g. `store-board`. */
  id: string
  area: string
  item: string
  tag: Tag
}

export interface StockTable {
  areas: string[]
  items: string[]
  /** By `area item`; an item need not be in every area. */
  at: ReadonlyMap<string, Place>
}

export const placeKey = (area: string, item: string): string => `${area} ${item}`

/** A label is area and item, parted by its first hyphen; labels without one are places of one nameless area. */
export function placesOf(tags: readonly Tag[]): StockTable {
  const places = tags
    .filter((tag) => tag.role === 'stock' && tag.label !== '' && !OF_A_COUNT.has(tag.label))
    .map((tag) => {
      const cut = tag.label.indexOf('-')
      const area = cut < 0 ? '' : tag.label.slice(0, cut)
      return { id: tag.label, area, item: tag.label.slice(cut + 1), tag }
    })
  return {
    areas: [...new Set(places.map((place) => place.area))],
    items: [...new Set(places.map((place) => place.item))],
    at: new Map(places.map((place) => [placeKey(place.area, place.item), place])),
  }
}

export type Count = Stock['counts'][number]

/** By how much a count found more than was on record; null where there is no count or no record. */
export function differenceOf(count: Count | undefined): number | null {
  return count === undefined || count.recorded === null ? null : count.counted - count.recorded
}

/** How many counts found the record true, of those that had one. */
export function agreement(counts: readonly Count[]): { right: number; all: number } {
  const known = counts.map(differenceOf).filter((difference) => difference !== null)
  return { right: known.filter((difference) => difference === 0).length, all: known.length }
}

/** The calls for an item that are open, the oldest first. */
export function callsFor(item: string, calls: Stock['calls']): Stock['calls'] {
  return calls.filter((call) => call.item === item).sort((a, b) => a.time - b.time)
}
