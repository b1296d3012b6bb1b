import { createApp } from 'vue'
import App from './App.vue'
import { watchParts } from './parts'
import { router } from './router'
import { watchSession } from './session'
import { i18n } from './words'
import './styles/tokens.css'
import './styles/base.css'

watchParts(router)
watchSession(router)
createApp(App).use(router).use(i18n).mount('#app')

void import('./styles/fonts')
