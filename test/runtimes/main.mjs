/** Runs the bundle that its argument names, on a runtime with files and processes. */
const { default: suites } = await import(`./suites.${process.argv[2]}.mjs`)
await suites.test()
