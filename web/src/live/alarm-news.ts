/** The number of the last change of any alarm, as the newest frame of any live feed told it. */
import { shallowRef } from 'vue'

export const newestAlarms = shallowRef(0)

export function heardOfAlarms(number: number | undefined): void {
  if (number !== undefined) newestAlarms.value = number
}
