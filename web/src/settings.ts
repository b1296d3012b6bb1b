/**
 * What a person chose on this screen: language and theme. Kept in the browser; `?lang=` and
 * `?theme=` in the address settle them for a kiosk that nobody touches.
 */
import { ref, watchEffect } from 'vue'
import type { Language } from './domain/format'

export type Theme = 'dark' | 'light'

const asked = new URLSearchParams(location.search)

function kept(name: string): string | null {
  try {
    return localStorage.getItem(`provenline.${name}`)
  } catch {
    return null // storage may be forbidden on a kiosk
  }
}

function keep(name: string, value: string): void {
  try {
    localStorage.setItem(`provenline.${name}`, value)
  } catch {
    // the choice then lasts as long as the page
  }
}

const wantedLanguage = asked.get('lang') ?? kept('lang') ?? 'zh-CN'

export const language = ref<Language>(wantedLanguage.startsWith('en') ? 'en' : 'zh-CN')
export const theme = ref<Theme>(document.documentElement.dataset['theme'] === 'light' ? 'light' : 'dark')

export function switchLanguage(): void {
  language.value = language.value === 'en' ? 'zh-CN' : 'en'
  keep('lang', language.value)
}

export function switchTheme(): void {
  theme.value = theme.value === 'dark' ? 'light' : 'dark'
  keep('theme', theme.value)
}

watchEffect(() => {
  document.documentElement.lang = language.value
  document.documentElement.dataset['theme'] = theme.value
})
