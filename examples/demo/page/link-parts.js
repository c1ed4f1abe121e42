/**
 * Ties the cookie's parts to what was read in them: whatever has `data-part` lights its part up, everywhere.
 */

import { lightMember } from './member-range.js'

/** @param {HTMLElement} page */
export function linkParts(page) {
  /** @type {string | undefined} */
  let pinned

  const light = (/** @type {string | undefined} */ part) => {
    const lit = part ?? pinned
    if (lit) page.dataset.lit = lit
    else delete page.dataset.lit
  }
  /** @param {EventTarget | null} target */
  function lightUnder(target) {
    if (!(target instanceof Element)) return
    light(target.closest('[data-part]')?.getAttribute('data-part') ?? undefined)
    const row = target.closest('[data-key]')
    const key = row?.getAttribute('data-key')
    const cookie = row?.closest('[data-from]')?.getAttribute('data-from')
    lightMember(key && cookie ? { cookie, key } : undefined)
  }

  function pin(/** @type {string | undefined} */ part) {
    pinned = part
    for (const button of page.querySelectorAll('[data-pin]')) {
      button.setAttribute('aria-pressed', String(button.getAttribute('data-pin') === part))
    }
    light(undefined)
  }

  page.addEventListener('pointerover', ({ target, pointerType }) => pointerType === 'mouse' && lightUnder(target))
  page.addEventListener('pointerleave', () => light(undefined))
  page.addEventListener('focusin', ({ target }) => {
    if (target instanceof Element && target.matches(':focus-visible')) lightUnder(target)
  })
  page.addEventListener('focusout', () => light(undefined))
  page.addEventListener('click', ({ target }) => {
    const button = target instanceof Element ? target.closest('[data-pin]') : null
    const part = button?.getAttribute('data-pin')
    if (part) pin(part === pinned ? undefined : part)
  })
  page.addEventListener('keydown', ({ key }) => key === 'Escape' && pin(undefined))
  /** New elements know nothing of the pin. */
  return { refresh: () => pin(pinned) }
}
