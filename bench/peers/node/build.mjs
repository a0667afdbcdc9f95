// Bundles the functions, each into one minified file. node build.mjs DIRECTORY
import { readdirSync } from 'node:fs';
import { build } from 'esbuild';

const directory = process.argv[2];
await build({
  entryPoints: readdirSync(new URL('functions', import.meta.url)).map((file) => `functions/${file}`),
  absWorkingDir: new URL('.', import.meta.url).pathname,
  outdir: directory,
  outExtension: { '.js': '.cjs' },
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  bundle: true,
  minify: true,
  keepNames: true, // the reference system finds classes by their names
  logLevel: 'error',
  // What Nest looks for and does without.
  external: [
    '@nestjs/microservices',
    '@nestjs/microservices/*',
    '@nestjs/websockets/*',
    '@nestjs/platform-fastify',
    '@fastify/static',
    'class-transformer/storage',
    'prettier',
  ],
});
