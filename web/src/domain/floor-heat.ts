/**
 * A layer of a radio map as a picture: a few steps of colour with round bounds, from good to bad,
 * in an order of lightness that stays when colours are not told apart.
 */
import type { Cell, Layer, Measure } from '../api-places'

/** As many steps as can be told apart in a legend. */
export const MOST_STEPS = 6

/** For signal strength more is better; for everything else, less. */
export const HIGH_IS_GOOD: Readonly<Record<Measure, boolean>> = {
  delay: false,
  loss: false,
  signal: true,
  events: false,
}

export interface Scale {
  /** Lower bounds of the steps, ascending; the last step ends at `top`. */
  bounds: number[]
  top: number
  width: number
}

/** Round steps of one width that cover the values: 1, 2 or 5 times a power of ten wide. */
export function scaleOf(values: readonly number[]): Scale {
  if (values.length === 0) return { bounds: [0], top: 0, width: 0 }
  const low = Math.min(...values)
  const high = Math.max(...values)
  if (low === high) return { bounds: [low], top: high, width: 0 }
  const width = roundUp((high - low) / MOST_STEPS)
  for (const step of [width, roundUp(width * 1.01)]) {
    const first = Math.floor(low / step + 1e-9)
    const steps = Math.max(1, Math.ceil(high / step - 1e-9) - first)
    if (steps <= MOST_STEPS)
      return {
        bounds: Array.from({ length: steps }, (_, n) => tidy((first + n) * step)),
        top: tidy((first + steps) * step),
        width: step,
      }
  }
  return { bounds: [low], top: high, width: 0 }
}

function roundUp(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return tidy(power * ([1, 2, 5, 10].find((times) => times * power >= least * (1 - 1e-9)) ?? 10))
}
const tidy = (value: number) => Number(value.toPrecision(12))

/** The step a value is in; what lies beyond the ends is in the first or the last. */
export function stepOf(value: number, { bounds }: Scale): number {
  let step = 0
  while (step + 1 < bounds.length && value >= (bounds[step + 1] ?? Infinity)) step += 1
  return step
}

/** Which shade a step has, 0 good … `MOST_STEPS` - 1 bad, spread over the steps there are. */
export function shadeOf(step: number, scale: Scale, measure: Measure): number {
  const steps = scale.bounds.length
  const from = HIGH_IS_GOOD[measure] ? steps - 1 - step : step
  return steps === 1 ? 0 : Math.round((from * (MOST_STEPS - 1)) / (steps - 1))
}

/** Whether nothing gets through from here, or not as was agreed. */
export function isDead(cell: Cell, layer: Layer, limit: number | null): boolean {
  if (cell.status === 'unbounded') return true
  if (cell.status !== 'ok' || cell.value === null) return false
  return layer.measure === 'delay' ? limit !== null && cell.value > limit : layer.measure === 'loss' && cell.value >= 50
}

export const valuesOf = (layer: Layer): number[] =>
  layer.cells.flatMap((cell) => (cell.status === 'ok' && cell.value !== null ? [cell.value] : []))
