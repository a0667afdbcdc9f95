import { create } from '../powertools-idempotency.mjs';

export const handler = create({ onNotification: async () => {}, onOrder: async () => {} });
