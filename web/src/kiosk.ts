/**
 * Kiosk mode: a wall nobody touches goes round by itself through the overview and every scene.
 *
 * `?kiosk=1` begins it, `&every=30` sets the seconds a page stays. Whoever touches anything stops
 * the round for a while, so that nothing is taken from under a reader's eyes.
 */
import { computed, onScopeDispose, ref, watchEffect } from 'vue'
import { useRoute, useRouter, type RouteLocationRaw } from 'vue-router'
import type { Overview, Scene } from './api'
import { roundOf } from './domain/overview'

const asked = new URLSearchParams(location.search)

export const kiosk = ref(asked.get('kiosk') === '1')

watchEffect(() => document.documentElement.toggleAttribute('data-kiosk', kiosk.value))

/** The seconds that an address asks for go before those of the configuration. */
const ASKED_S = Number(asked.get('every'))
const USUAL_S = 20
/** After a touch the round waits this long for the next one. */
const HANDS_OFF_S = 60

/** Begin; a full screen is only given to a person's own click, and the mode is of use without. */
export async function enterKiosk(): Promise<void> {
  kiosk.value = true
  await document.documentElement.requestFullscreen().catch(() => undefined)
}

export async function leaveKiosk(): Promise<void> {
  kiosk.value = false
  if (document.fullscreenElement) await document.exitFullscreen()
}

export interface Stop {
  to: RouteLocationRaw
  scene: Scene | null
}

/** Go round as `overview` says, through those `scenes` that are there; for as long as the component that calls it lives. */
export function useRound(overview: () => Overview | undefined, scenes: () => readonly Scene[]) {
  const route = useRoute()
  const router = useRouter()
  const spent = ref(0)
  const wait = ref(0)

  const stay = computed(() => Math.min(3600, Math.max(3, ASKED_S || overview()?.rotate || USUAL_S)))
  const stops = computed<Stop[]>(() => {
    const laid = overview()
    const round = laid ? roundOf(laid, scenes()) : [null]
    return round.map((scene) => ({
      to: scene ? { name: 'scene', params: { id: scene.id } } : { name: 'overview' },
      scene,
    }))
  })
  /** -1 on a page that is none of the round's. */
  const place = computed(() => stops.value.findIndex((stop) => (stop.scene?.id ?? '') === (route.params['id'] ?? '')))

  function step(by: number) {
    spent.value = 0
    const next = stops.value[(Math.max(place.value, by < 0 ? 0 : -1) + by + stops.value.length) % stops.value.length]
    if (next) void router.push(next.to)
  }

  function touched() {
    wait.value = HANDS_OFF_S
  }

  function resume() {
    wait.value = 0
  }

  const timer = setInterval(() => {
    if (document.hidden) return
    if (wait.value > 0) wait.value -= 1
    else if ((stops.value.length > 1 || place.value < 0) && (spent.value += 1) >= stay.value) step(1)
  }, 1000)
  const touches = ['pointerdown', 'wheel', 'keydown'] as const
  for (const touch of touches) addEventListener(touch, touched, { passive: true })
  onScopeDispose(() => {
    clearInterval(timer)
    for (const touch of touches) removeEventListener(touch, touched)
  })

  return {
    stops,
    place,
    /** Seconds until the next page. */
    left: computed(() => Math.max(0, Math.round(stay.value - spent.value))),
    share: computed(() => Math.min(1, spent.value / stay.value)),
    /** Seconds for which the round still waits; 0 while it goes on. */
    wait,
    step,
    touched,
    resume,
  }
}
