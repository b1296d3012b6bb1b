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
    {
      path: '/scene/:id/replay',
      name: 'replay',
      component: () => import('./pages/ReplayPage.vue'),
      props: true,
    },
    { path: '/alarms', name: 'alarms', component: () => import('./pages/AlarmsPage.vue') },
    {
      path: '/sign-in',
      name: 'sign-in',
      component: () => import('./pages/SignInPage.vue'),
      meta: { needs: 'open', bare: true },
    },
    {
      path: '/welcome',
      name: 'welcome',
      component: () => import('./pages/WelcomePage.vue'),
      meta: { needs: 'open', bare: true },
    },
    { path: '/account', name: 'account', component: () => import('./pages/AccountPage.vue'), meta: { needs: 'self' } },
    { path: '/users', name: 'users', component: () => import('./pages/UsersPage.vue'), meta: { needs: 'user-admin' } },
    { path: '/audit', name: 'audit', component: () => import('./pages/AuditPage.vue'), meta: { needs: 'audit-view' } },
    {
      path: '/campaigns',
      name: 'campaigns',
      component: () => import('./pages/CampaignsPage.vue'),
      meta: { needs: 'campaign-view' },
    },
    {
      path: '/campaigns/:id',
      name: 'campaign',
      component: () => import('./pages/CampaignPage.vue'),
      props: true,
      meta: { needs: 'campaign-view' },
    },
    {
      path: '/configuration',
      name: 'configuration',
      component: () => import('./pages/ConfigurationPage.vue'),
    },
    { path: '/:rest(.*)*', name: 'not-found', component: () => import('./pages/NotFoundPage.vue') },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})
