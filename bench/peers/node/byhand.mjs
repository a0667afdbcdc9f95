// What a team writes without a library: route by the type, report what failed.
import { unmarshall } from '@aws-sdk/util-dynamodb';

export function create({ onNotification, onOrder }) {
  return async (event) => {
    const batchItemFailures = [];
    for (const record of event.Records) {
      try {
        if (record.eventSource === 'aws:sqs') {
          const body = JSON.parse(record.body);
          if (body.type !== 'NOTIFICATION') throw new Error(`unknown type ${body.type}`);
          await onNotification(body);
        } else if (record.eventSource === 'aws:dynamodb') {
          if (record.eventName === 'REMOVE' || !record.dynamodb.Keys.pk.S.startsWith('ORDER#')) continue;
          await onOrder(unmarshall(record.dynamodb.NewImage));
        } else {
          throw new Error(`unknown source ${record.eventSource}`);
        }
      } catch (error) {
        if (record.eventSource === 'aws:dynamodb') {
          batchItemFailures.push({ itemIdentifier: record.dynamodb.SequenceNumber });
          break;
        }
        if (record.eventSource !== 'aws:sqs') throw error;
        batchItemFailures.push({ itemIdentifier: record.messageId });
      }
    }
    return { batchItemFailures };
  };
}

// The least that any function of the Node runtime does: the runtime's own JSON.parse.
export function createFloor({ onNotification, onOrder }) {
  return async (event) => {
    for (const record of event.Records) {
      if (record.eventSource === 'aws:sqs') await onNotification();
      else await onOrder();
    }
    return { batchItemFailures: [] };
  };
}
