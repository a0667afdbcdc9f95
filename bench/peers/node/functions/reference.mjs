import { create } from '../reference.mjs';

export const handler = create({ onNotification: async () => {}, onOrder: async () => {} });
