/** What stands before the name of the site in the window's title; a page that is not live says so there too. */
import { ref } from 'vue'

export const titleMark = ref('')
