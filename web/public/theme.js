// Runs before the first paint, so that a dark wall never flashes white. Settled again, with the same rules, in src/settings.ts.
;(() => {
  const asked = new URLSearchParams(location.search).get('theme')
  let kept = null
  try {
    kept = localStorage.getItem('provenline.theme')
  } catch {
    // storage may be forbidden; the system's wish counts then
  }
  const system = matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark'
  const chosen = [asked, kept].find((theme) => theme === 'dark' || theme === 'light')
  document.documentElement.dataset.theme = chosen ?? system
})()
