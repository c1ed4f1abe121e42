// @ts-check
/** Tells the browser where the one package is that the modules of dist/ import by name: no bundler between. */
const map = document.createElement('script')
map.type = 'importmap'
map.textContent = JSON.stringify({ imports: { fflate: '/fflate.js' } })
document.currentScript?.after(map)
