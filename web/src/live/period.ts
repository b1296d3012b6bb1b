/** The stretch of time that the page's address asks for; every part of a page asks here, so all speak of the same. */
import { computed, type ComputedRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import type { Asked, Period, WindowName } from '../api'
import { askedOf, inAddress, isPast, periodOf, productOf } from '../domain/periods'

export interface ChosenPeriod {
  period: ComputedRef<Period>
  /** Only what was made of this product; empty for everything. */
  product: ComputedRef<string>
  /** Both together, as the server is asked. */
  asked: ComputedRef<Exclude<Asked, WindowName>>
  /** Whether it is over, so that nothing on show is live. */
  past: ComputedRef<boolean>
  choose: (period: Period) => void
  chooseProduct: (product: string) => void
}

export function usePeriod(): ChosenPeriod {
  const route = useRoute()
  const router = useRouter()
  const period = computed(() => periodOf(route.query))
  const replace = (changed: Record<string, string | undefined>) =>
    void router.replace({ query: { ...route.query, ...changed } })
  return {
    period,
    product: computed(() => productOf(route.query)),
    asked: computed(() => askedOf(route.query)),
    past: computed(() => isPast(period.value)),
    choose: (chosen) => replace(inAddress(chosen)),
    chooseProduct: (product) => replace({ product: product || undefined }),
  }
}
