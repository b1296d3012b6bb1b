/** The overview as the site's configuration lays it out: which tiles, what each tells, and where a kiosk's round leads. */
import type { Indicator, Losses, Overview, Scene, Told } from '../api'
import { arrangeIndicators } from './arrange'

export interface Tile {
  scene: Scene
  size: Overview['tiles'][number]['size']
  shows: ReadonlySet<Told>
  /** Good pieces per hour of planned time; null where none is planned. */
  plan: number | null
}

/** The tiles in order; a scene that does not run here has none. */
export function tilesOf(overview: Overview, scenes: readonly Scene[]): Tile[] {
  const shows = new Set(overview.shows)
  if (overview.tiles.length === 0) return scenes.map((scene) => ({ scene, size: 'normal', shows, plan: null }))
  return overview.tiles.flatMap((tile) => {
    const scene = scenes.find((one) => one.id === tile.scene)
    if (!scene) return []
    return { scene, size: tile.size, shows: tile.shows.length > 0 ? new Set(tile.shows) : shows, plan: tile.plan }
  })
}

/** Where the round stops: null for the overview. */
export function roundOf(overview: Overview, scenes: readonly Scene[]): (Scene | null)[] {
  const there = tilesOf(overview, scenes).map((tile) => tile.scene)
  if (overview.visits === 'overview' || there.length === 0) return [null]
  return overview.visits === 'scenes' ? there : [null, ...there]
}

export interface Output {
  good: Indicator
  /** What should have been made in the window; null where neither a plan nor an ideal cycle says. */
  expected: number | null
  /** Where that comes from. */
  by: 'plan' | 'ideal' | null
}

/** What a tile tells besides the machines. */
export interface TileFigures {
  oee: Indicator | null
  output: Output | null
  /** The others in order of their weight. */
  figures: Indicator[]
}

const FAMILY: Partial<Record<Told, RegExp>> = {
  output: /^(good-output|output|throughput-rate|transports-per-vehicle-hour|identified-per-hour)$/,
  defects: /^(defect-rate|quality-ratio-by-pieces|first-pass-yield|scrap-ratio|misjudgement-rate)$/,
  energy: /^(energy|energy-per-good-piece|energy-cost|carbon)$/,
  link: /^(latency-p95|latency-p50|latency-p99|loss-ratio|communication-availability)$/,
}
/** In order of their weight, and how many of each. */
const MOST: readonly (readonly [Told, number])[] = [
  ['defects', 1],
  ['energy', 2],
  ['link', 2],
  ['output', 1],
]

/** So few figures are one of each kind. */
export const FEW = 4

export function tileFigures(
  indicators: readonly Indicator[],
  losses: readonly Losses[],
  tile: Pick<Tile, 'shows' | 'plan'>,
  most: number,
): TileFigures {
  const { oee, cards } = arrangeIndicators(indicators)
  const heads = cards.flatMap((card) => [card.head, ...card.more])
  const family = (told: Told) => heads.filter((one) => FAMILY[told]?.test(one.id))
  const good = tile.shows.has('output') ? (heads.find((one) => one.id === 'good-output') ?? null) : null
  const asked = most > FEW ? MOST : MOST.map(([one]) => [one, 1] as const)
  const told = asked
    .filter(([one]) => tile.shows.has(one) && !(good && one === 'output'))
    .flatMap(([one, n]) => family(one).slice(0, n))
  const factors = tile.shows.has('oee') ? oee.factors : []
  const spare = heads.filter((one) => ![...Object.values(FAMILY)].some((pattern) => pattern?.test(one.id)))
  const figures = [...told, ...factors, ...spare].slice(0, most - (good ? 1 : 0))
  return {
    oee: tile.shows.has('oee') ? oee.oee : null,
    output: good && outputOf(good, oee.oee, losses, tile.plan),
    figures,
  }
}

/** Planned pieces from the plan and planned time; without a plan, those that the ideal cycle allows. */
function outputOf(good: Indicator, oee: Indicator | null, losses: readonly Losses[], plan: number | null): Output {
  const planned = losses.find((one) => one.scope === good.scope)?.planned
  if (plan !== null && planned !== undefined) return { good, expected: (plan * planned) / 3600, by: 'plan' }
  const share = oee?.scope === good.scope && oee.status === 'ok' ? oee.value : null
  if (share !== null && share > 0 && good.value !== null) return { good, expected: good.value / share, by: 'ideal' }
  return { good, expected: null, by: null }
}
