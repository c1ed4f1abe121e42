// Requires each path of the command line, as a CommonJS application does.
for (const path of process.argv.slice(2)) require(path)
console.log(`${process.argv.length - 2} required`)
