/**
 * Fonts travel with the pages, since a kiosk may have none and no network. Loaded after the first
 * paint; the browser fetches only the pieces whose characters are on the page, and of the Chinese
 * font nothing at all where the system has one (see the order in `tokens.css`).
 */
import '@fontsource-variable/inter/wght.css'
import '@fontsource-variable/noto-sans-sc/wght.css'
