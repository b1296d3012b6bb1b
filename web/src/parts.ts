/**
 * Pages come in parts, fetched when they are first wanted. A part that cannot be had (the server was away for a moment,
 * or was upgraded and has others now) would leave a page empty for good, for a browser does not ask again: so the
 * whole page is loaded anew, where the reader wanted to go, as soon as the server answers.
 */
import type { Router } from 'vue-router'

const ASK_EVERY_MS = 2_000
const PATIENCE_MS = 15_000
/** A page that has only just been loaded waits, so that a part which is never there does not make it flicker. */
const JUST_LOADED_MS = 10_000
const LEISURE_MS = 4_000

const wait = (ms: number) => new Promise((go) => setTimeout(go, ms))

async function answers(): Promise<boolean> {
  try {
    return (await fetch('/', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) })).ok
  } catch {
    return false
  }
}

export function watchParts(router: Router): void {
  let wanted = ''
  let waiting = false

  router.beforeEach((to) => void (wanted = to.fullPath))
  router.afterEach((_to, _from, failure) => {
    if (!failure) wanted = ''
  })

  addEventListener('vite:preloadError', () => {
    if (waiting) return
    waiting = true
    const asked = wanted
    void (async () => {
      if (performance.now() < JUST_LOADED_MS) await wait(LEISURE_MS)
      while (!(await answers())) await wait(ASK_EVERY_MS)
      if (asked && asked !== location.pathname + location.search) location.assign(asked)
      else location.reload()
    })()
  })
}
