/** Figures of two stretches of time side by side: by how much they differ, and whether that is for the better. */
import type { Indicator } from '../api'
import type { Detail } from '../api-scene'
import { arrangeIndicators } from './arrange'

export type Meaning = 'better' | 'worse' | 'same' | 'neutral' | 'unknown'

export interface Compared {
  now: Indicator
  then: Indicator | null
  /** Now minus then, in the figure's own unit; null where one of them is no number. */
  difference: number | null
  /** The difference as a share of what it was; null where it was zero. */
  relative: number | null
  meaning: Meaning
}

/** Which way a figure is to go; of what is in neither list, nobody can say whether more of it is better. */
const MORE_IS_BETTER =
  /^(oee|nee|teep|ooe|availability|effectiveness|technical-efficiency|allocation-efficiency|utilization-efficiency|quality-ratio.*|first-pass-yield|finished-yield|rolled-throughput-yield|throughput-rate|production-rate.*|inspection-rate|output|good-output|mtbf.*|mttf|c[pm]k?|cp[ul]|pp[kul]?|cpm|communication-(availability|reliability)|floor-coverage|vehicle-utilization|transports-per-vehicle-hour|real-time-rate|record-accuracy|closed-loop-correctness|decision-correctness|inherent-availability|identified-per-hour|e10-.*)$/
const LESS_IS_BETTER =
  /^(defect-rate|scrap-.*|rework-ratio|fall-off-ratio|.*loss-ratio|reject-rate-by-cause|deadline-miss-rate|mttr.*|latency-p.*|i?pdv-p.*|communication-outages|stops-(after|caused).*|energy-per-good-piece|carbon-per-good-piece|comprehensive-energy-consumption|idle-energy-share|misjudgement-rate|false-.*|wrong-decision-rate|vehicle-waiting-share|waiting-share-by-cause|cost-per-transport|stock-deviation|alarms?-.*|stale-alarms|chattering-alarms|drift-index)$/

export function directionOf(id: string): 'more' | 'less' | null {
  return LESS_IS_BETTER.test(id) ? 'less' : MORE_IS_BETTER.test(id) ? 'more' : null
}

/** Less than this share of the greater of two figures is no difference worth a word. */
const NOTHING_IN_IT = 0.002

const numberOf = (one: Indicator | null) => (one?.status === 'ok' ? one.value : null)

function meaningOf(id: string, now: number, then: number): Meaning {
  if (Math.abs(now - then) <= NOTHING_IN_IT * Math.max(Math.abs(now), Math.abs(then))) return 'same'
  const direction = directionOf(id)
  if (direction === null) return 'neutral'
  return now > then === (direction === 'more') ? 'better' : 'worse'
}

/** What a scene is judged by, now and then, in the order of its page. */
export function compared(now: readonly Indicator[], then: readonly Indicator[]): Compared[] {
  const { oee, cards } = arrangeIndicators(now)
  const heads = [oee.oee, ...oee.factors, ...cards.flatMap((card) => [card.head, ...card.more])]
  const earlier = new Map(then.map((one) => [one.key, one]))
  return heads
    .filter((one) => one !== null)
    .map((one) => {
      const before = earlier.get(one.key) ?? null
      const [a, b] = [numberOf(one), numberOf(before)]
      if (a === null || b === null)
        return { now: one, then: before, difference: null, relative: null, meaning: 'unknown' }
      return {
        now: one,
        then: before,
        difference: a - b,
        relative: b === 0 ? null : (a - b) / Math.abs(b),
        meaning: meaningOf(one.id, a, b),
      }
    })
}

const PRODUCT = /#product=([^#]+)/
/** The figure of each product that carries how many pieces of it were begun. */
const COUNTING = { id: 'first-pass-yield', input: 'IP' } as const

type Counted = Pick<Detail, 'id' | 'scope' | 'inputs'>

/** The products that details speak of. */
export function productsIn(details: readonly Indicator[]): string[] {
  return [...new Set(details.flatMap((one) => PRODUCT.exec(one.scope)?.[1] ?? []))].sort()
}

export interface Mix {
  product: string
  /** Its share of what was made, 0…1. */
  now: number
  then: number
}

/** How the shares of the products have moved; empty where they have not by more than `least`. */
export function mixes(now: readonly Counted[], then: readonly Counted[], least = 0.05): Mix[] {
  const [a, b] = [sharesIn(now), sharesIn(then)]
  if (a.size === 0 || b.size === 0) return []
  const found = [...new Set([...a.keys(), ...b.keys()])].map((product) => ({
    product,
    now: a.get(product) ?? 0,
    then: b.get(product) ?? 0,
  }))
  return found.some((one) => Math.abs(one.now - one.then) > least) ? found.sort((x, y) => y.now - x.now) : []
}

/** Each machine that tells what it makes counts its pieces by product; every count has the same say. */
function sharesIn(details: readonly Counted[]): Map<string, number> {
  const pieces = new Map<string, number>()
  for (const one of details.filter((each) => each.id === COUNTING.id)) {
    const [product, made] = [PRODUCT.exec(one.scope)?.[1], one.inputs[COUNTING.input]?.value]
    if (product !== undefined && typeof made === 'number') pieces.set(product, (pieces.get(product) ?? 0) + made)
  }
  const all = [...pieces.values()].reduce((sum, n) => sum + n, 0)
  return all > 0 ? new Map([...pieces].map(([product, n]) => [product, n / all])) : new Map()
}
