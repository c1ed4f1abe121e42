import { createComponent } from 'solid-js'
import { render } from 'solid-js/web'
import { CurrentUser } from './current-user.js'

render(() => createComponent(CurrentUser, {}), document.querySelector('#app') as Element)
