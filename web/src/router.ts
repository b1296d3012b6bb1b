import { createRouter, createWebHistory } from 'vue-router'

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', name: 'overview', component: () => import('./pages/OverviewPage.vue') },
    { path: '/scene/:id', name: 'scene', component: () => import('./pages/ScenePage.vue'), props: true },
    {
      path: '/scene/:id/device/:device(.+)',
      name: 'device',
      component: () => import('./pages/DevicePage.vue'),
      props: true,
    },
    { path: '/alarms', name: 'alarms', component: () => import('./pages/AlarmsPage.vue') },
    { path: '/:rest(.*)*', name: 'not-found', component: () => import('./pages/NotFoundPage.vue') },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})
