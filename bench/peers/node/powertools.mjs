// Powertools for AWS Lambda (TypeScript): the batch utility as its documentation
// has it, with the bodies read by JSON.parse and the images by unmarshall.
import {
  BatchProcessor,
  EventType,
  SqsFifoPartialProcessorAsync,
  processPartialResponse,
} from '@aws-lambda-powertools/batch';
import { unmarshall } from '@aws-sdk/util-dynamodb';

export function create({ onNotification, onOrder }, options = {}) {
  const queue = new BatchProcessor(EventType.SQS);
  const stream = new BatchProcessor(EventType.DynamoDBStreams);
  const fifo = new SqsFifoPartialProcessorAsync();
  const message = messageHandler(onNotification);
  const change = async (record) => {
    if (record.eventName === 'REMOVE' || !record.dynamodb.Keys.pk.S.startsWith('ORDER#')) return;
    await onOrder(unmarshall(record.dynamodb.NewImage));
  };
  return async (event, context) => {
    const first = event.Records?.[0];
    if (first?.eventSource === 'aws:dynamodb') return processPartialResponse(event, change, stream, { context, ...options });
    if (first?.eventSourceARN?.endsWith('.fifo')) {
      return processPartialResponse(event, message, fifo, { context, skipGroupOnError: true });
    }
    return processPartialResponse(event, message, queue, { context, ...options });
  };
}

export function messageHandler(onNotification) {
  return async (record) => {
    const body = JSON.parse(record.body);
    if (body.type !== 'NOTIFICATION') throw new Error(`unknown type ${body.type}`);
    await onNotification(body);
  };
}
