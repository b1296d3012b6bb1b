/** The live side of one scene page: the newest reading of every tag, and whether the server is there. */
import { onScopeDispose, shallowReactive, shallowRef, type ShallowRef } from 'vue'
import { api, type Value } from '../api'
import type { Link, Reading } from '../domain/trust'
import { heardOfAlarms } from './alarm-news'
import { heardServerTime, serverNow } from './clock'
import { Connection, type ConnectionState } from './connection'
import { NO_FEED, takeFrame, type Feed } from './reducer'

type Listener = (time: number, value: Value, quality: number) => void

export interface Live {
  /** The newest reading of a tag; only who shows this tag is woken when it changes. */
  reading: (path: string) => ShallowRef<Reading | undefined>
  link: ShallowRef<Link>
  /** Counts snapshots: after each, what happened in between must be asked from history. */
  snapshots: ShallowRef<number>
  /** Be told of every reading of one tag; returns how to stop. */
  listen: (path: string, listener: Listener) => () => void
}

/** What the header shows; null while the page has no live connection of its own. */
export const connectionShown = shallowReactive<{ state: ConnectionState | null; retry: () => void }>({
  state: null,
  retry: () => undefined,
})

export function useLive(scene: string): Live {
  const readings = new Map<string, ShallowRef<Reading | undefined>>()
  const listeners = new Map<string, Set<Listener>>()
  const link = shallowRef<Link>({ up: true, lastHeard: serverNow() })
  const snapshots = shallowRef(0)
  let feed: Feed = NO_FEED

  const reading = (path: string) => {
    let found = readings.get(path)
    if (!found) readings.set(path, (found = shallowRef<Reading>()))
    return found
  }

  const connection = new Connection(api.live(scene), {
    frame(frame) {
      heardServerTime(frame.now)
      heardOfAlarms(frame.alarms)
      const taken = takeFrame(feed, frame, (path) => readings.get(path)?.value)
      feed = taken.feed
      if (taken.complete) {
        const named = new Set(taken.readings.map(([path]) => path))
        for (const [path, known] of readings) if (!named.has(path)) known.value = undefined
        snapshots.value += 1
      }
      for (const [path, newest] of taken.readings) {
        reading(path).value = newest
        for (const tell of listeners.get(path) ?? []) tell(newest.time, newest.value, newest.quality)
      }
    },
    state(state) {
      connectionShown.state = state
      // the first connecting is not a loss; tiles say "no data yet" until the snapshot
      const up = state.phase === 'live' || (state.lastHeard === 0 && state.phase === 'connecting')
      const silent = state.lastHeard === 0 ? 0 : Date.now() - state.lastHeard
      if (up !== link.value.up) link.value = { up, lastHeard: serverNow() - silent }
      if (state.phase === 'connecting') feed = NO_FEED
    },
  })
  connectionShown.retry = () => connection.retryNow()
  connection.start()
  onScopeDispose(() => {
    connection.stop()
    connectionShown.state = null
    connectionShown.retry = () => undefined
  })

  return {
    reading,
    link,
    snapshots,
    listen(path, listener) {
      const told = listeners.get(path) ?? new Set()
      listeners.set(path, told.add(listener))
      return () => told.delete(listener)
    },
  }
}
