import { create } from '../powertools.mjs';

export const handler = create({ onNotification: async () => {}, onOrder: async () => {} });
