/** What the configuration page says when the server would not open a connection for somebody. */
import type { ApiError } from './api'
import { qualityWord } from './domain/quality'
import { i18n } from './words'

const { t } = i18n.global

export const qualityWords = (quality: number): string => t(`quality.${qualityWord(quality)}`)

export function explorationFailure(error: ApiError): string {
  if (error.status === 0) return t('configuration.unreachable')
  if (error.status === 409) return t('configuration.busy')
  if (error.status === 422 || error.status === 404) return t('configuration.notPermitted')
  return error.message
}
