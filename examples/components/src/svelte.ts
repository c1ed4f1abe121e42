import { mount } from 'svelte'
import CurrentUser from './current-user.svelte'

mount(CurrentUser, { target: document.querySelector('#app') as Element })
