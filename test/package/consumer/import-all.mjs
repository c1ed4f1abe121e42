// Imports each path of the command line, as a module of an application does.
for (const path of process.argv.slice(2)) {
  const attributes = path.endsWith('.json') ? { with: { type: 'json' } } : {}
  await import(path, attributes)
}
console.log(`${process.argv.length - 2} imported`)
