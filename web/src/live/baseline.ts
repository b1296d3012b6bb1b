/** The earlier stretch of time that a page is compared with: one for all of its parts. */
import { computed, inject, provide, type ComputedRef, type InjectionKey } from 'vue'
import { api } from '../api'
import { baselineOf, targetOf, type Target } from '../domain/baseline'
import type { Range } from '../domain/zoom'
import { usePeriod } from './period'
import { usePolled } from './polled'

const BASELINE: InjectionKey<ComputedRef<Target | null>> = Symbol('baseline')
const DAY_MS = 86_400_000
const CALENDAR_EVERY_MS = 600_000
/** How far back the shift before may lie: beyond the longest holidays. */
const LOOK_BACK_MS = 20 * DAY_MS

/** Let all that stands below be compared with the same stretch of time; `range`: what the page itself is of. */
export function provideBaseline(
  scene: string,
  compare: ComputedRef<string>,
  range: ComputedRef<Range | null>,
): ComputedRef<Target | null> {
  const { period } = usePeriod()
  const name = computed(() => baselineOf(compare.value).name)
  const calendar = computed(() => name.value === 'shift' || ('shift' in period.value && name.value !== 'none'))
  const shifts = usePolled(
    async (stop) => {
      if (!calendar.value || !range.value) return []
      const around = {
        start: range.value.start - LOOK_BACK_MS,
        stop: Math.max(range.value.stop, range.value.start + DAY_MS),
      }
      return api.shifts(scene, around, stop)
    },
    CALENDAR_EVERY_MS,
    computed(() => `${calendar.value} ${Math.floor((range.value?.start ?? 0) / DAY_MS)}`),
  )
  const target = computed(
    () => range.value && targetOf(compare.value, period.value, range.value, shifts.data.value ?? []),
  )
  provide(BASELINE, target)
  return target
}

/** What is compared with; null for nothing, and undefined where the page has no calendar to ask. */
export const useBaseline = (): ComputedRef<Target | null> | undefined => inject(BASELINE, undefined)
