/**
 * The page's time. Ages are told by the server's clock, not by a kiosk's; while a replay is on, the page's time is that
 * of the replay, so that everything on it is as old as it was then.
 */
import { readonly, ref } from 'vue'
import { pageTime } from '../api'

let offset = 0
const tick = ref(Date.now())
const presentTick = ref(Date.now())
const leaps = ref(0)

/** The centre's present, whatever the page shows. */
export const presentNow = (): number => Date.now() + offset

export const serverNow = (): number => pageTime.until ?? presentNow()

/** The same, once a second, for what is shown. */
export const shownNow = readonly(tick)

/** The centre's present, once a second: for what stays live beside a look at the past. */
export const presentShown = readonly(presentTick)

/** Counts the times that the page's time did not simply go on: whatever was asked before is of another time. */
export const timeLeaps = readonly(leaps)

export function heardServerTime(now: number): void {
  offset = now - Date.now()
}

/** Let the page's time be `moment`, or with null the present again; `leap` tells that it did not simply go on. */
export function standAt(moment: number | null, leap: boolean): void {
  pageTime.until = moment === null ? null : Math.round(moment)
  tick.value = serverNow()
  if (leap) leaps.value += 1
}

setInterval(() => {
  presentTick.value = presentNow()
  tick.value = serverNow()
}, 1000)
