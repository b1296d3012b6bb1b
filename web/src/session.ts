/**
 * Who looks at this page, as the server says; asked again and again, so that a session that ended
 * anywhere ends here too.
 *
 * Nothing is protected by it: the server refuses by itself. It decides what is offered, and leads
 * those to the sign-in page who have to go there.
 */
import { computed, shallowRef } from 'vue'
import type { Router } from 'vue-router'
import { ApiError, refused } from './api'
import { account, type Who } from './api-account'

const ASK_EVERY_MS = 20_000

export const who = shallowRef<Who | null>(null)
export const signedIn = computed(() => who.value?.name ?? null)

/** What one may do on the line that the page looks at instead of the centre; null while it looks at the centre. */
export const onLine = shallowRef<Who | null>(null)
const OF_LINES = new Set(['view', 'annotate', 'alarm-act', 'command', 'explore'])

/** Whether to offer something; while nobody knows, yes. */
export function may(permission: string): boolean {
  const there = OF_LINES.has(permission) ? onLine.value : null
  return (there ?? who.value)?.permissions.includes(permission) ?? true
}

async function ask(): Promise<void> {
  try {
    who.value = await account.who()
  } catch (failure) {
    // A server that is away says nothing about who we are.
    if (!(failure instanceof ApiError)) throw failure
  }
}

/** A path of this page to go on to; anything else would lead people away. */
export function onwards(asked: unknown): string {
  return typeof asked === 'string' && /^\/(?![/\\])/.test(asked) ? asked : '/'
}

/** Lead to the sign-in page whoever may not see a page, before it is shown and when a session ends meanwhile. */
export function watchSession(router: Router): void {
  const signIn = (to: string, ended = false) => ({ name: 'sign-in', query: { to, ...(ended ? { ended: '1' } : {}) } })

  router.beforeEach(async (to) => {
    if (who.value === null) await ask()
    const needed = (to.meta['needs'] as string | undefined) ?? 'view'
    return may(needed) || signedIn.value !== null ? true : signIn(to.fullPath)
  })

  async function again() {
    await router.isReady()
    const before = signedIn.value
    await ask()
    const here = router.currentRoute.value
    const lost = before !== null && who.value !== null && signedIn.value === null
    if (here.meta['needs'] !== 'open' && (lost || !may('view'))) await router.replace(signIn(here.fullPath, lost))
  }

  refused.on = () => void again()
  setInterval(() => void again(), ASK_EVERY_MS)
}
