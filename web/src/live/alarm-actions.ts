/** Doing something about alarms, and saying what became of it. */
import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { ApiError } from '../api'
import type { Outcome } from '../api-alarms'
import { i18n, say } from '../words'
import { useAlarms } from './alarms'

export interface Said {
  failed: boolean
  text: string
}

export interface AlarmActions {
  busy: Ref<boolean>
  /** What became of the last one, for the person who did it. */
  said: ShallowRef<Said | null>
  /** Do it and ask for the list; answers whether anything was done. */
  run: (call: () => Promise<Outcome>) => Promise<boolean>
}

export function useAlarmActions(): AlarmActions {
  const alarms = useAlarms()
  const busy = ref(false)
  const said = shallowRef<Said | null>(null)
  const { t } = i18n.global

  function failure(error: ApiError): string {
    if (error.status === 401) return t('alarm.signInFirst')
    if (error.status === 403) return t('alarm.notAllowed')
    if (error.status === 0) return t('error.unreachable')
    return t('alarm.refused', { why: error.message })
  }

  async function run(call: () => Promise<Outcome>): Promise<boolean> {
    busy.value = true
    said.value = null
    try {
      const { done, refused } = await call()
      const why = [...new Set(refused.map((one) => say(one.words)))].join(t('alarm.and'))
      said.value = {
        failed: refused.length > 0,
        text: t('alarm.done', { n: done.length }) + (why && ` ${t('alarm.refused', { why })}`),
      }
      return true
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      said.value = { failed: true, text: failure(error) }
      return false
    } finally {
      busy.value = false
      alarms.refresh()
    }
  }

  return { busy, said, run }
}
