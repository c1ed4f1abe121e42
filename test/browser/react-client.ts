/** Hydrates the page of the React tests, or renders it if the server has not. */
import { createElement } from 'react'
import { createRoot, hydrateRoot, type Root } from 'react-dom/client'
import { Page, type ReactWindow, renders } from './react-page.js'

const { given } = window as unknown as ReactWindow
const element = document.querySelector('#root') as HTMLElement
const page = createElement(Page, given)
let root: Root
if (element.childElementCount > 0) root = hydrateRoot(element, page)
else {
  root = createRoot(element)
  root.render(page)
}
Object.assign(window, { react: { renders, root } })
