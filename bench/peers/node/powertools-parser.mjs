// Powertools with its parser: each record is checked against a schema by zod,
// which is the typed form of the batch utility.
import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import { parser } from '@aws-lambda-powertools/batch/parser';
import { JSONStringified } from '@aws-lambda-powertools/parser/helpers';
import { DynamoDBMarshalled } from '@aws-lambda-powertools/parser/helpers/dynamodb';
import { DynamoDBStreamChangeRecordBase, DynamoDBStreamRecord } from '@aws-lambda-powertools/parser/schemas/dynamodb';
import { SqsRecordSchema } from '@aws-lambda-powertools/parser/schemas/sqs';
import { z } from 'zod';

const notification = z.object({
  type: z.literal('NOTIFICATION'),
  id: z.string(),
  channel: z.string(),
  recipient: z.string(),
  subject: z.string(),
  text: z.string(),
  priority: z.number(),
  urgent: z.boolean(),
  attempt: z.number(),
  score: z.number(),
  createdAt: z.string(),
  order: z.object({
    id: z.string(),
    customer: z.string(),
    total: z.number(),
    currency: z.string(),
    lines: z.array(z.object({ sku: z.string(), title: z.string(), quantity: z.number(), price: z.number() })),
  }),
  tags: z.array(z.string()),
  parameters: z.record(z.string(), z.string()),
});

const order = z.object({
  pk: z.string(),
  sk: z.string(),
  id: z.string(),
  code: z.string(),
  name: z.string(),
  tenantCode: z.string(),
  type: z.string(),
  version: z.number(),
  status: z.string(),
  total: z.number(),
  paid: z.boolean(),
  createdAt: z.string(),
  createdBy: z.string(),
  address: z.object({ street: z.string(), city: z.string(), zip: z.string(), country: z.string() }),
  lines: z.array(z.object({ sku: z.string(), title: z.string(), quantity: z.number(), price: z.number() })),
  tags: z.set(z.string()),
  labels: z.record(z.string(), z.string()),
});

export function create({ onNotification, onOrder }) {
  // The schema is made once. innerSchema would be shorter, and is made anew for each record.
  const queue = new BatchProcessor(EventType.SQS, { parser, schema: SqsRecordSchema.extend({ body: JSONStringified(notification) }) });
  const stream = new BatchProcessor(EventType.DynamoDBStreams, {
    parser,
    schema: DynamoDBStreamRecord.extend({
      dynamodb: DynamoDBStreamChangeRecordBase.extend({ NewImage: DynamoDBMarshalled(order).optional() }),
    }),
  });
  const message = async (record) => onNotification(record.body);
  const change = async (record) => {
    if (record.eventName === 'REMOVE' || !record.dynamodb.NewImage.pk.startsWith('ORDER#')) return;
    await onOrder(record.dynamodb.NewImage);
  };
  return async (event, context) =>
    event.Records?.[0]?.eventSource === 'aws:dynamodb'
      ? processPartialResponse(event, change, stream, { context })
      : processPartialResponse(event, message, queue, { context });
}
