// Before the first paint, so that nobody who chose a theme sees the other one flash. Not a module: those wait.
try {
  const theme = localStorage.getItem('sessionglass demo theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // No storage: the system's own colours then.
}
