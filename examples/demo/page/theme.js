/**
 * The colours: as the system has them, or as the visitor chose.
 */

const STORED_AS = 'sessionglass demo theme'

/** @param {HTMLElement} choice - a fieldset of radio buttons */
export function connectTheme(choice) {
  const { theme = 'auto' } = document.documentElement.dataset
  for (const input of choice.querySelectorAll('input')) input.checked = input.value === theme
  choice.addEventListener('change', ({ target }) => {
    if (target instanceof HTMLInputElement) apply(target.value)
  })
}

/** @param {string} theme */
function apply(theme) {
  if (theme === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
  try {
    localStorage.setItem(STORED_AS, theme)
  } catch {
    // No storage: the choice lasts as long as the page.
  }
}
