/** Doing something in a lab: what it is busy with, and why it was refused. */
import { ApiError } from '../api'
import { useAttempts, type Attempts } from '../live/attempt'
import { i18n } from '../words'

export interface LabAct extends Omit<Attempts, 'attempt'> {
  /** Do it; answers what the server said, or null when it refused. */
  act: Attempts['attempt']
}

const { t } = i18n.global

function why(error: ApiError): string {
  if (error.status === 401) return t('lab.refused.signIn')
  if (error.status === 403) return t('lab.refused.role')
  if (error.status === 503) return t('lab.refused.full', { why: error.message })
  return t('lab.refused.other', { why: error.message })
}

export function useLabAct(): LabAct {
  const { busy, failure, attempt } = useAttempts(why)
  return { busy, failure, act: attempt }
}
