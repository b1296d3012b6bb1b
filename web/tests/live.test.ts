import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Frame } from '../src/api'
import { BackOff } from '../src/domain/back-off'
import type { Reading } from '../src/domain/trust'
import { Connection, type ConnectionState, type Socket } from '../src/live/connection'
import { NO_FEED, takeFrame } from '../src/live/reducer'

const snapshot: Frame = {
  seq: 4,
  now: 1000,
  snapshot: true,
  paths: ['a', 'b'],
  rows: [
    [0, 1, 0, 900, 910, 1],
    [1, 'OK', 0, 800, 810, 0],
  ],
}
const nothing = () => undefined

describe('frames', () => {
  it('of a snapshot name the paths, and those after it index them', () => {
    const first = takeFrame(NO_FEED, snapshot, nothing)
    expect(first.complete).toBe(true)
    expect(first.readings.map(([path]) => path)).toEqual(['a', 'b'])
    const next = takeFrame(
      first.feed,
      { seq: 5, now: 1200, snapshot: false, rows: [[1, 'NG', 0, 1100, 1110, 0]] },
      nothing,
    )
    expect(next).toMatchObject({ complete: false, readings: [['b', { value: 'NG', time: 1100 }]] })
  })

  it('before any snapshot change nothing', () => {
    const taken = takeFrame(NO_FEED, { seq: 9, now: 1, snapshot: false, rows: [[0, 1, 0, 1, 1, 0]] }, nothing)
    expect(taken).toEqual({ feed: NO_FEED, readings: [], complete: false })
  })

  it('with an index nobody named are passed over, the rest is taken', () => {
    const { feed } = takeFrame(NO_FEED, snapshot, nothing)
    const taken = takeFrame(
      feed,
      {
        seq: 5,
        now: 1,
        snapshot: false,
        rows: [
          [7, 1, 0, 1, 1, 0],
          [0, 2, 0, 1, 1, 0],
        ],
      },
      nothing,
    )
    expect(taken.readings.map(([path]) => path)).toEqual(['a'])
  })

  it('of a second snapshot replace the paths', () => {
    const { feed } = takeFrame(NO_FEED, snapshot, nothing)
    const taken = takeFrame(feed, { ...snapshot, paths: ['c'], rows: [[0, 3, 0, 1, 1, 0]] }, nothing)
    expect(taken.readings.map(([path]) => path)).toEqual(['c'])
  })

  it('keep the beginning of a quality that lasts', () => {
    const bad: Frame = { ...snapshot, rows: [[0, null, 0x808c0000, 2000, 2010, 0]] }
    const known: Reading = { value: null, quality: 0x808c0000, time: 1500, received: 1500, origin: 0, since: 1200 }
    expect(takeFrame(NO_FEED, bad, () => known).readings[0]?.[1].since).toBe(1200)
    expect(takeFrame(NO_FEED, bad, () => ({ ...known, quality: 0 })).readings[0]?.[1].since).toBe(2000)
  })
})

describe('back-off', () => {
  it('doubles up to a limit, never below half of it, and starts again after success', () => {
    const highest = new BackOff(500, 15_000, () => 1)
    expect(Array.from({ length: 7 }, () => highest.next())).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000])
    highest.reset()
    expect(highest.next()).toBe(500)
    expect(new BackOff(500, 15_000, () => 0).next()).toBe(250)
  })
})

describe('a connection', () => {
  let sockets: (Socket & { closed: boolean })[]
  let states: ConnectionState[]
  let connection: Connection

  const latest = () => states.at(-1)
  const say = (frame: Frame = snapshot) =>
    sockets.at(-1)?.onmessage?.call({} as WebSocket, { data: JSON.stringify(frame) } as MessageEvent)
  const drop = () => sockets.at(-1)?.onclose?.call({} as WebSocket, {} as CloseEvent)

  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 })
    sockets = []
    states = []
    const open = (): Socket => {
      const socket = {
        closed: false,
        onmessage: null,
        onclose: null,
        close() {
          this.closed = true
        },
      }
      sockets.push(socket)
      return socket
    }
    const handlers = { frame: () => undefined, state: (state: ConnectionState) => void states.push(state) }
    connection = new Connection('ws://x', handlers, new BackOff(500, 15_000, () => 1), open)
    connection.start()
  })
  afterEach(() => {
    connection.stop()
    vi.useRealTimers()
  })

  it('is live only when data came, not when the socket opened', () => {
    expect(latest()?.phase).toBe('connecting')
    say()
    expect(latest()).toMatchObject({ phase: 'live', lastHeard: 1_000_000 })
  })

  it('that is lost is tried again after the back-off', () => {
    say()
    drop()
    expect(latest()).toMatchObject({ phase: 'retrying', retryAt: 1_000_500 })
    vi.advanceTimersByTime(499)
    expect(sockets).toHaveLength(1)
    vi.advanceTimersByTime(1)
    expect(sockets).toHaveLength(2)
  })

  it('that says nothing is given up, open or not', () => {
    say()
    vi.advanceTimersByTime(7100)
    expect(sockets[0]?.closed).toBe(true)
    expect(states.map((state) => state.phase)).toContain('retrying')
  })

  it('that never opens is given up as well', () => {
    vi.advanceTimersByTime(7100)
    expect(sockets[0]?.closed).toBe(true)
  })

  it('is tried at once when asked', () => {
    drop()
    connection.retryNow()
    expect(sockets).toHaveLength(2)
    vi.advanceTimersByTime(600)
    expect(sockets).toHaveLength(2)
  })

  it('that was left opens no socket again', () => {
    drop()
    connection.stop()
    vi.advanceTimersByTime(60_000)
    expect(sockets).toHaveLength(1)
  })
})
