/** What can be seen: the tab at all, and of a long page the panels that are near the screen. */
import { inject, provide, readonly, ref, type InjectionKey, type Ref } from 'vue'

const tab = ref(!document.hidden)
document.addEventListener('visibilitychange', () => (tab.value = !document.hidden))

/** Whether the tab is in front. */
export const tabSeen = readonly(tab)

const SEEN: InjectionKey<Readonly<Ref<boolean>>> = Symbol('seen')
const ALWAYS = readonly(ref(true))

/** Tell everything below whether it is near enough to be seen. */
export const provideSight = (seen: Readonly<Ref<boolean>>): void => provide(SEEN, seen)

/** Whether this part of the page is near enough to be seen. */
export const useSight = (): Readonly<Ref<boolean>> => inject(SEEN, ALWAYS)
