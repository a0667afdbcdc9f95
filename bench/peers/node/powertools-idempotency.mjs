// Powertools' batch with its idempotency: the key is the message's id, and the
// body is checked, as this library does unasked. The store is a Map.
import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import {
  IdempotencyConfig,
  IdempotencyItemAlreadyExistsError,
  IdempotencyItemNotFoundError,
  makeIdempotent,
} from '@aws-lambda-powertools/idempotency';
import { BasePersistenceLayer, IdempotencyRecord } from '@aws-lambda-powertools/idempotency/persistence';
import { messageHandler } from './powertools.mjs';

class MemoryPersistence extends BasePersistenceLayer {
  items = new Map();

  async _getRecord(key) {
    const item = this.items.get(key);
    if (!item) throw new IdempotencyItemNotFoundError('not found');
    return new IdempotencyRecord(item);
  }

  async _putRecord(record) {
    const item = this.items.get(record.idempotencyKey);
    const now = Date.now();
    const abandoned = item?.status === 'INPROGRESS' && item.inProgressExpiryTimestamp < now;
    if (item && item.expiryTimestamp >= now / 1000 && !abandoned) {
      throw new IdempotencyItemAlreadyExistsError('exists', new IdempotencyRecord(item));
    }
    this.items.set(record.idempotencyKey, stored(record));
  }

  async _updateRecord(record) {
    this.items.set(record.idempotencyKey, stored(record));
  }

  async _deleteRecord(record) {
    this.items.delete(record.idempotencyKey);
  }
}

function stored(record) {
  const { idempotencyKey, expiryTimestamp, inProgressExpiryTimestamp, responseData, payloadHash } = record;
  return { idempotencyKey, status: record.getStatus(), expiryTimestamp, inProgressExpiryTimestamp, responseData, payloadHash };
}

export function create({ onNotification }) {
  const queue = new BatchProcessor(EventType.SQS);
  const persistenceStore = new MemoryPersistence();
  const config = new IdempotencyConfig({ eventKeyJmesPath: 'messageId', payloadValidationJmesPath: 'body' });
  const message = makeIdempotent(messageHandler(onNotification), { persistenceStore, config });
  const handler = async (event, context) => {
    config.registerLambdaContext(context);
    return processPartialResponse(event, message, queue, { context });
  };
  handler.forget = () => persistenceStore.items.clear();
  return handler;
}
