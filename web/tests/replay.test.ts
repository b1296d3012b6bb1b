/** A replay gives each frame once, at its time, and asks for no more than it needs. */
import { describe, expect, it } from 'vitest'
import type { Frame } from '../src/api'
import { Reel, replayRange, SPEEDS, speedOf, stepOf, type Piece } from '../src/domain/replay'

const frame = (now: number, snapshot = false): Frame => ({ seq: now, now, snapshot, rows: [] })
function frames({ start, stop, step }: Piece): Frame[] {
  const times = Array.from({ length: Math.ceil((stop - start) / step) }, (_, i) =>
    Math.min(stop, start + (i + 1) * step),
  )
  return [frame(start, true), ...times.map((time) => frame(time))]
}
const STEP = 1000
const fed = (reel: Reel, at: number) => {
  const piece = reel.wanted(at)
  if (piece) reel.add(piece, frames(piece))
  return piece
}

describe('a reel', () => {
  it('begins with the snapshot, and gives each frame once when it is due', () => {
    const reel = new Reel(0, 600_000, STEP)
    fed(reel, 0)
    expect(reel.due(0).map((one) => [one.now, one.snapshot])).toEqual([[0, true]])
    expect(reel.due(2500).map((one) => one.now)).toEqual([1000, 2000])
    expect(reel.due(2500)).toEqual([])
  })

  it('asks for the next piece before it runs dry, and for none while enough is here', () => {
    const reel = new Reel(0, 600_000, STEP)
    const first = fed(reel, 0)!
    expect(reel.wanted(0)).toBeNull()
    const next = reel.wanted(first.stop - 1000)!
    expect(next.start).toBe(first.stop)
  })

  it('joins pieces without a second snapshot', () => {
    const reel = new Reel(0, 600_000, STEP)
    const first = fed(reel, 0)!
    fed(reel, first.stop)
    const given = reel.due(600_000)
    expect(given.filter((one) => one.snapshot)).toHaveLength(1)
    expect(new Set(given.map((one) => one.now)).size).toBe(given.length)
  })

  it('takes no piece that does not follow', () => {
    const reel = new Reel(0, 600_000, STEP)
    reel.add({ start: 5000, stop: 9000, step: STEP }, [frame(6000)])
    expect(reel.due(600_000)).toEqual([])
    expect(reel.dry).toBe(true)
  })

  it('ends where it is to end, and is over when the last frame was given', () => {
    const reel = new Reel(0, 2500, STEP)
    expect(fed(reel, 0)?.stop).toBe(2500)
    expect(reel.over).toBe(false)
    expect(reel.due(2500).at(-1)?.now).toBe(2500)
    expect(reel.over).toBe(true)
    expect(reel.wanted(2500)).toBeNull()
  })
})

describe('an address', () => {
  it('says what to play, within a day and not beyond now', () => {
    expect(replayRange({ from: '1000', to: '9000' }, 5000)).toEqual({ start: 1000, stop: 5000 })
    for (const odd of [{}, { from: '1000' }, { from: '9000', to: '1000' }, { from: '1', to: String(25 * 3_600_000) }])
      expect(replayRange(odd, 1e12)).toBeNull()
  })

  it('says how fast, and else it is as fast as life', () => {
    expect(speedOf('30')).toBe(30)
    expect(speedOf('31')).toBe(1)
    expect(SPEEDS.map(stepOf)).toEqual([250, 500, 1250, 2500, 7500, 15_000])
  })
})
