/**
 * A cookie to try the page with, as beaker-session-jwt writes it. Everyone can read its key here, so it protects nothing.
 */

const VALUE =
  'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJic1oiOiJjLWxSVkp4Oz93Nm9oQU9NfVVOb01WU2lkS25sYzshSiVfKnp6d1hJXl4zTGd1W' +
  'GZpNjNVMHMrWHk1PWAwajEmKURZeVV5RWhVT0FHUyQ0JUgrcGo_MDRHJSRQNjFyNiFldU4yek5MODxAb2NyNiU5fHt2Y0BUc2xhfT5lcDN-UDc' +
  'qQz9oeXJrdCpSMlhUbEZ1d0l5RlJJPiNQSyo-dHI5VXlXYSRwWHhMVCZTblFqPHV6eGlzYDJfZ2BoNjNDZjNKK1Axe1ZONE4hcD9TOzckPChhN' +
  '0B3UjIhTGdwRnpJclZZa3F7XkR3Yl5FMDEmTktrfSt0VXp6dU56LWB2aVdVQXlCMjBEc15RZHd5aF9mQHx6PXtuemApazhvVj94Rm5yKCZqS2U' +
  '5c25rcVhIRmF1TClqdU12SHclJUhseHolVnlacUJ6Wng7OWkmeS1XNyJ9.8EGoheUInYwJN5qLCcRGpZkRdATbSug5SE4KbcJloJM'

export const EXAMPLE: string = `beaker.session.id=${VALUE}`

export const EXAMPLE_KEY = 'an example that everyone knows: never use it'
