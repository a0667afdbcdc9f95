import { create } from '../byhand.mjs';

export const handler = create({ onNotification: async () => {}, onOrder: async () => {} });
