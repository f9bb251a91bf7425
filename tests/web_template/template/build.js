// Bundles the pages, as the template's own build does.

const { buildSync } = require('esbuild');

buildSync({
  entryPoints: ['src/index.js'],
  outdir: 'build',
  bundle: true,
  nodePaths: [process.env.NODE_PATH],
  loader: { '.js': 'jsx' },
  define: { 'process.env.NODE_ENV': '"development"' },
  logLevel: 'warning',
});
