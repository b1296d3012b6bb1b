/** The centre's time, as far as this machine can know it: ages are told by the server's clock, not by a kiosk's. */
import { readonly, ref } from 'vue'

let offset = 0
const tick = ref(Date.now())

export const serverNow = (): number => Date.now() + offset

/** The same, once a second, for what is shown. */
export const shownNow = readonly(tick)

export function heardServerTime(now: number): void {
  offset = now - Date.now()
}

setInterval(() => (tick.value = serverNow()), 1000)
