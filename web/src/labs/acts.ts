/** Doing something in a lab: what it is busy with, and why it was refused. */
import { ref, type Ref } from 'vue'
import { ApiError } from '../api'
import { i18n } from '../words'

export interface LabAct {
  busy: Ref<boolean>
  /** Why the last one failed, in words; empty while nothing did. */
  failure: Ref<string>
  /** Do it; answers what the server said, or null when it refused. */
  act: <T>(does: () => Promise<T>) => Promise<T | null>
}

export function useLabAct(): LabAct {
  const busy = ref(false)
  const failure = ref('')
  const { t } = i18n.global

  function why(error: ApiError): string {
    if (error.status === 0) return t('error.unreachable')
    if (error.status === 401) return t('lab.refused.signIn')
    if (error.status === 403) return t('lab.refused.role')
    if (error.status === 503) return t('lab.refused.full', { why: error.message })
    return t('lab.refused.other', { why: error.message })
  }

  async function act<T>(does: () => Promise<T>): Promise<T | null> {
    busy.value = true
    failure.value = ''
    try {
      return await does()
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      failure.value = why(error)
      return null
    } finally {
      busy.value = false
    }
  }

  return { busy, failure, act }
}
