/**
 * Something asked from the server again and again; the last answer stays on the page while a later one fails.
 *
 * What nobody can see is not asked for: neither while the tab is hidden nor while the panel that wants it is scrolled
 * far away. What was missed meanwhile is asked for as soon as it can be seen again.
 */
import { onScopeDispose, shallowRef, watch, type ShallowRef, type WatchSource } from 'vue'
import { ApiError } from '../api'
import { serverNow, timeLeaps } from './clock'
import { tabSeen } from './sight'

/** After which a server that was away is asked again, however seldom it is asked otherwise. */
const RETRY_MS = 5_000

export interface Polled<T> {
  data: ShallowRef<T | null>
  error: ShallowRef<ApiError | null>
  /** The page's time at which the answer was asked for; null while there is none. */
  asOf: ShallowRef<number | null>
  refresh: () => void
}

/**
 * Ask now, whenever `when` changes, and every `every` ms after an answer; 0 asks only once. `seen` tells whether
 * anybody can see what comes of it.
 */
export function usePolled<T>(
  ask: (stop: AbortSignal) => Promise<T>,
  every: number,
  when?: WatchSource,
  seen: () => boolean = () => true,
): Polled<T> {
  const data = shallowRef<T | null>(null)
  const error = shallowRef<ApiError | null>(null)
  const asOf = shallowRef<number | null>(null)
  let running = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  /** It was due while nobody could see it. */
  let missed = false
  const visible = () => tabSeen.value && seen()

  async function refresh() {
    clearTimeout(timer)
    running.abort()
    missed = false
    const mine = (running = new AbortController())
    const moment = serverNow()
    try {
      const answer = await ask(mine.signal)
      if (mine.signal.aborted) return
      data.value = answer
      asOf.value = moment
      error.value = null
    } catch (failure) {
      if (mine.signal.aborted) return
      if (!(failure instanceof ApiError)) throw failure
      error.value = failure
    }
    const away = error.value !== null && (every === 0 || error.value.status === 0)
    const pause = away ? Math.min(every || RETRY_MS, RETRY_MS) : every
    if (pause > 0) timer = setTimeout(again, pause)
  }
  function again() {
    if (visible()) void refresh()
    else missed = true
  }

  if (when)
    watch(when, () => {
      data.value = null
      asOf.value = null
      void refresh()
    })
  watch(visible, (now) => now && missed && void refresh())
  // what was true of another time is still better to look at than nothing, until the answer is here
  if (every > 0) watch(timeLeaps, () => void refresh())
  void refresh()
  onScopeDispose(() => {
    clearTimeout(timer)
    running.abort()
  })
  return { data, error, asOf, refresh: () => void refresh() }
}
