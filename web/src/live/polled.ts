/** Something asked from the server again and again; the last answer stays on the page while a later one fails. */
import { onScopeDispose, shallowRef, watch, type ShallowRef, type WatchSource } from 'vue'
import { ApiError } from '../api'
import { timeLeaps } from './clock'

export interface Polled<T> {
  data: ShallowRef<T | null>
  error: ShallowRef<ApiError | null>
  refresh: () => void
}

/** Ask now, whenever `when` changes, and every `every` ms after an answer; 0 asks only once. */
export function usePolled<T>(ask: (stop: AbortSignal) => Promise<T>, every: number, when?: WatchSource): Polled<T> {
  const data = shallowRef<T | null>(null)
  const error = shallowRef<ApiError | null>(null)
  let running = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined

  async function refresh() {
    clearTimeout(timer)
    running.abort()
    const mine = (running = new AbortController())
    try {
      const answer = await ask(mine.signal)
      if (mine.signal.aborted) return
      data.value = answer
      error.value = null
    } catch (failure) {
      if (mine.signal.aborted) return
      if (!(failure instanceof ApiError)) throw failure
      error.value = failure
    }
    if (every > 0 || error.value) timer = setTimeout(refresh, every || 5000)
  }

  if (when)
    watch(when, () => {
      data.value = null
      void refresh()
    })
  // what was true of another time is still better to look at than nothing, until the answer is here
  if (every > 0) watch(timeLeaps, () => void refresh())
  void refresh()
  onScopeDispose(() => {
    clearTimeout(timer)
    running.abort()
  })
  return { data, error, refresh: () => void refresh() }
}
