import { svelte } from '@sveltejs/vite-plugin-svelte'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'
import solid from 'vite-plugin-solid'

export default defineConfig({
  plugins: [vue(), svelte(), solid()],
  build: { rolldownOptions: { input: ['dom.html', 'solid.html', 'svelte.html', 'vue.html'] } },
})
