/** Something asked again at a pace that its own answer sets: quick while work goes on, slow when it rests. */
import { onScopeDispose, watch } from 'vue'
import { usePolled, type Polled } from './polled'

export function usePaced<T>(ask: (stop: AbortSignal) => Promise<T>, pace: (answer: T) => number): Polled<T> {
  const polled = usePolled(ask, 0)
  let timer: ReturnType<typeof setTimeout> | undefined
  watch(polled.data, (answer) => {
    clearTimeout(timer)
    if (answer !== null) timer = setTimeout(polled.refresh, pace(answer))
  })
  onScopeDispose(() => clearTimeout(timer))
  return polled
}
