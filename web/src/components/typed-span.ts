/** A stretch of time that is typed from one moment to another, on the clock of the site. */
import { computed, ref } from 'vue'
import { usePlant } from '../context'
import { momentIn } from '../domain/zoned'

export function useTypedSpan() {
  const { zone } = usePlant()
  const start = ref('')
  const stop = ref('')
  const moments = computed(() => [momentIn(zone.value, start.value), momentIn(zone.value, stop.value)] as const)
  return {
    zone,
    start,
    stop,
    /** In ns since 1970, as campaigns have it. */
    span: computed(() => ({ start: moments.value[0] * 1e6, stop: moments.value[1] * 1e6 })),
    backwards: computed(() => moments.value[1] <= moments.value[0]),
  }
}
