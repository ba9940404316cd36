import type { BuildOptions, Plugin } from 'esbuild';

/** CommonJS packages ask for Node's own modules by `require`, which an ES module lacks. */
const REQUIRE = "import{createRequire as __makeRequire}from'node:module';";
const BANNER = `${REQUIRE}const require=__makeRequire(import.meta.url);`;

/**
 * An `import` of node:http copies its exports one by one, and one of them is a getter that loads all of undici: 13 MiB
 * and 50 ms that nobody here needs. A `require` does not.
 */
const requireHttp: Plugin = {
  name: 'require-http',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?https?$/ }, ({ path, namespace }) =>
      namespace === 'required' ? { path, external: true } : { path, namespace: 'required' },
    );
    onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)})`,
    }));
  },
};

/** How sources become what ships. Packages with native parts find them beside their own files, and stay outside. */
export function bundleOptions() {
  return {
    outbase: 'src',
    chunkNames: 'parts/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: ['lmdb', 'koffi'],
    plugins: [requireHttp],
    minifySyntax: true,
    minifyWhitespace: true,
    banner: { js: BANNER },
    logLevel: 'warning',
  } satisfies BuildOptions;
}
