import { createApp } from 'vue'
import CurrentUser from './current-user.vue'

createApp(CurrentUser).mount('#app')
