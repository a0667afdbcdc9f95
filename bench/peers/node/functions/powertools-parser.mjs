import { create } from '../powertools-parser.mjs';

export const handler = create({ onNotification: async () => {}, onOrder: async () => {} });
