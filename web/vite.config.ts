import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

const centre = process.env['PROVENLINE_CENTRE'] ?? 'http://127.0.0.1:8000'

/** `npm run dev` serves the pages itself and passes data requests on to a running centre. */
export default defineConfig({
  plugins: [vue()],
  define: { __VUE_OPTIONS_API__: false, __VUE_I18N_LEGACY_API__: false },
  build: {
    target: 'es2022',
    assetsInlineLimit: 2048,
    chunkSizeWarningLimit: 700, // the chart library, loaded after first paint
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'charts', test: /node_modules[\\/](echarts|zrender)/ },
            { name: 'vue', test: /node_modules[\\/](@vue|vue|vue-router|vue-i18n|@intlify)[\\/]/ },
          ],
        },
      },
    },
  },
  server: { proxy: { '/api': { target: centre, ws: true }, '/health': centre } },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
})
