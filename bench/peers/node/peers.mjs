// The peers by their names.
export const peers = {
  floor: async (handlers) => (await import('./byhand.mjs')).createFloor(handlers),
  byhand: async (handlers) => (await import('./byhand.mjs')).create(handlers),
  powertools: async (handlers) => (await import('./powertools.mjs')).create(handlers),
  'powertools-sequential': async (handlers) => (await import('./powertools.mjs')).create(handlers, { processInParallel: false }),
  'powertools-parser': async (handlers) => (await import('./powertools-parser.mjs')).create(handlers),
  'powertools-idempotency': async (handlers) => (await import('./powertools-idempotency.mjs')).create(handlers),
  reference: async (handlers) => (await import('./reference.mjs')).create(handlers),
};
