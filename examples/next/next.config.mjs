/** @type {import('next').NextConfig} */
export default {
  // The folder of this file, whatever lock files there are above it.
  turbopack: { root: import.meta.dirname },
}
