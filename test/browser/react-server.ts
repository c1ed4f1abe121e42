/** Renders the page of the React tests as a stream, on the server. */
import { createElement } from 'react'
import { renderToPipeableStream } from 'react-dom/server'
import { Page, type PageProps } from './react-page.js'

export function render(props: PageProps, destination: NodeJS.WritableStream): void {
  const { pipe } = renderToPipeableStream(createElement(Page, props), { onShellReady: () => pipe(destination) })
}
