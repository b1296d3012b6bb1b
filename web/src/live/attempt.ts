/** Asking the server to do something: what it is busy with, and why it refused, in the words of the part that asks. */
import { ref, type Ref } from 'vue'
import { ApiError } from '../api'
import { i18n } from '../words'

export interface Attempts {
  busy: Ref<boolean>
  /** Why the last one failed, in words; empty while nothing did. */
  failure: Ref<string>
  /** Do it; answers what the server said, or null when it refused. */
  attempt: <T>(act: () => Promise<T>) => Promise<T | null>
}

const { t } = i18n.global

function plainly(error: ApiError): string {
  if (error.status === 401) return t('campaign.signInFirst')
  if (error.status === 403) return t('campaign.notAllowed')
  return t('campaign.refused', { why: error.message })
}

export function useAttempts(why: (error: ApiError) => string = plainly): Attempts {
  const busy = ref(false)
  const failure = ref('')

  async function attempt<T>(act: () => Promise<T>): Promise<T | null> {
    busy.value = true
    failure.value = ''
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      failure.value = error.status === 0 ? t('error.unreachable') : why(error)
      return null
    } finally {
      busy.value = false
    }
  }

  return { busy, failure, attempt }
}
