/**
 * The alarms of the whole plant, on every page: one list, asked for again when the live feed says that something changed.
 *
 *     live feed of the scene on show ─┐
 *     else a feed of no scene ────────┴─ number rose ──▶ ask for the list, once a second at most
 */
import { inject, onScopeDispose, provide, shallowRef, watch, type InjectionKey, type ShallowRef } from 'vue'
import { api, ApiError, atCentre } from '../api'
import { alarmApi, type AlarmList } from '../api-alarms'
import { may } from '../session'
import { heardOfAlarms, newestAlarms } from './alarm-news'
import { heardServerTime } from './clock'
import { Connection } from './connection'
import { usePolled, type Polled } from './polled'
import { connectionShown } from './store'

/** Asked also without being told, in case that nothing can be told. */
const EVERY_MS = 10_000
const LEAST_BETWEEN_MS = 1000
/** A page that follows another opens its own feed at once; one in between is not worth it. */
const SETTLES_MS = 400

export type Alarms = Polled<AlarmList>

const ALARMS: InjectionKey<Alarms> = Symbol('alarms')

export function useAlarms(): Alarms {
  const found = inject(ALARMS)
  if (!found) throw new Error('alarms context is missing')
  return found
}

/** Let everything below look at other alarms than those of the present. */
export const provideOtherAlarms = (alarms: Alarms): void => provide(ALARMS, alarms)

export function provideAlarms(): Alarms {
  const mayLook = () => may('view')
  const list = usePolled(async (stop) => {
    // who is on the way to signing in asks for nothing yet
    if (!mayLook()) throw new ApiError(401, '')
    return atCentre(() => alarmApi.list(stop))
  }, EVERY_MS)
  watch(mayLook, list.refresh)
  askWhenTold(list)
  listenWhereNobodyDoes()
  provide(ALARMS, list)
  return list
}

function askWhenTold(list: Polled<AlarmList>): void {
  let asked = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  const ask = () => {
    timer = undefined
    asked = Date.now()
    list.refresh()
  }
  watch(newestAlarms, (number) => {
    if (timer !== undefined || number === list.data.value?.number) return
    timer = setTimeout(ask, Math.max(0, asked + LEAST_BETWEEN_MS - Date.now()))
  })
  onScopeDispose(() => clearTimeout(timer))
}

function listenWhereNobodyDoes(): void {
  const own: ShallowRef<Connection | null> = shallowRef(null)
  let timer: ReturnType<typeof setTimeout> | undefined
  const close = () => {
    clearTimeout(timer)
    own.value?.stop()
    own.value = null
  }
  const open = () => {
    own.value = new Connection(
      atCentre(() => api.live('')),
      {
        frame(frame) {
          heardServerTime(frame.now)
          heardOfAlarms(frame.alarms)
        },
        state: () => undefined,
      },
    )
    own.value.start()
  }
  watch(
    () => connectionShown.state === null && may('view'),
    (nobody) => {
      close()
      if (nobody) timer = setTimeout(open, SETTLES_MS)
    },
    { immediate: true },
  )
  onScopeDispose(close)
}
