/** The live side of one scene page: the newest reading of every tag, and whether the server is there. */
import { inject, onScopeDispose, provide, shallowReactive, shallowRef, type InjectionKey, type ShallowRef } from 'vue'
import { api, type Frame, type Value } from '../api'
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

const OTHER: InjectionKey<Live> = Symbol('live')

/** Let everything below look at other values than those of the present. */
export const provideLive = (live: Live): void => provide(OTHER, live)

/** The newest reading of every tag, as frames tell it. */
export class LiveTable {
  readonly #readings = new Map<string, ShallowRef<Reading | undefined>>()
  readonly #listeners = new Map<string, Set<Listener>>()
  readonly link = shallowRef<Link>({ up: true, lastHeard: serverNow() })
  readonly #snapshots = shallowRef(0)
  #feed: Feed = NO_FEED

  readonly live: Live = {
    reading: (path) => this.#reading(path),
    link: this.link,
    snapshots: this.#snapshots,
    listen: (path, listener) => {
      const told = this.#listeners.get(path) ?? new Set()
      this.#listeners.set(path, told.add(listener))
      return () => told.delete(listener)
    },
  }

  take(frame: Frame): void {
    const taken = takeFrame(this.#feed, frame, (path) => this.#readings.get(path)?.value)
    this.#feed = taken.feed
    if (taken.complete) {
      const named = new Set(taken.readings.map(([path]) => path))
      for (const [path, known] of this.#readings) if (!named.has(path)) known.value = undefined
      this.#snapshots.value += 1
    }
    for (const [path, newest] of taken.readings) {
      this.#reading(path).value = newest
      for (const tell of this.#listeners.get(path) ?? []) tell(newest.time, newest.value, newest.quality)
    }
  }

  /** What comes next begins anew; changes before its snapshot cannot be placed. */
  beginAnew(): void {
    this.#feed = NO_FEED
  }

  #reading(path: string): ShallowRef<Reading | undefined> {
    let found = this.#readings.get(path)
    if (!found) this.#readings.set(path, (found = shallowRef<Reading>()))
    return found
  }
}

export function useLive(scene: string): Live {
  const other = inject(OTHER, null)
  if (other) return other
  const table = new LiveTable()

  const connection = new Connection(api.live(scene), {
    frame(frame) {
      heardServerTime(frame.now)
      heardOfAlarms(frame.alarms)
      table.take(frame)
    },
    state(state) {
      connectionShown.state = state
      // the first connecting is not a loss; tiles say "no data yet" until the snapshot
      const up = state.phase === 'live' || (state.lastHeard === 0 && state.phase === 'connecting')
      const silent = state.lastHeard === 0 ? 0 : Date.now() - state.lastHeard
      if (up !== table.link.value.up) table.link.value = { up, lastHeard: serverNow() - silent }
      if (state.phase === 'connecting') table.beginAnew()
    },
  })
  connectionShown.retry = () => connection.retryNow()
  connection.start()
  onScopeDispose(() => {
    connection.stop()
    connectionShown.state = null
    connectionShown.retry = () => undefined
  })
  return table.live
}
